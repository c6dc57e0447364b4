"""Settings that can't be used, and how types are called to a person."""


class ConfigError(ValueError):
    """A setting that can't be used; the message names the field, the value and the nearest valid choice."""


def described(kind: type) -> str:
    """What a field of this type holds, as people say it.

    >>> described(int), described(complex)
    ('a whole number', 'of type complex')
    """
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", tuple: "a list of names"}
    return words.get(kind, f"of type {kind.__name__}")
