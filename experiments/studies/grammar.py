"""The points of a sweep as text, for `--sweep` at the command line: what `experiments.studies.grid` makes in Python.

    cell.name=rnn,lstm; seed=0:4                                    product of two axes; 0:4 stands for 0, 1, 2, 3
    (task.length,steps)=(16,1000),(64,4000)                         axes that go together, zip_axes
    cell.name=rnn,lstm; cell.forget_bias=0,1 if cell.name=lstm      an axis for some points only, when

A comma within brackets is part of a value: `orthogonal,sparse(15,0.95)`.
"""

from collections.abc import Callable
from typing import Any

from experiments.errors import ConfigError, described
from experiments.studies.grid import Axis, Conditional, Point, axis, product, when, zip_axes


def parse(spec: str, kind: Callable[[str], type]) -> list[Point]:
    """The points that a text such as `cell.name=rnn,lstm;seed=0:4` stands for.

    Args:
      spec: parts with `;` between them, of which the product is taken.
      kind: the type of a field; raises `ConfigError` where there is no such field.

    Raises:
      ConfigError: a part that can't be read, or a value that is not of its field's type; the message names it.

    >>> parse("seed=0:2; cell.name=rnn", {"seed": int, "cell.name": str}.get)
    [{'seed': 0, 'cell.name': 'rnn'}, {'seed': 1, 'cell.name': 'rnn'}]
    """
    parts = [part for part in _split(spec, ";") if part]
    if not parts:
        raise ConfigError("--sweep is empty: give combinations, for example --sweep='cell.name=rnn,lstm;seed=0:4'.")
    return product(*(_part(part, kind) for part in parts))


def _part(part: str, kind: Callable[[str], type]) -> Axis | Conditional:
    assigned, where, condition = part.partition(" if ")
    points = _assigned(assigned.strip(), part, kind)
    return when(points, _assigned(condition.strip(), part, kind)) if where else points


def _assigned(text: str, part: str, kind: Callable[[str], type]) -> Axis:
    """`field=value,value` or `(field,field)=(value,value),(value,value)`."""
    fields, equals, values = (piece.strip() for piece in text.partition("="))
    if not (fields and equals and values):
        raise ConfigError(
            f"--sweep: {part!r} is not of the form field=value,value or field=start:stop, "
            "nor (field,field)=(value,value),(value,value), nor one of these with 'if field=value' after it."
        )
    if not fields.startswith("("):
        of = kind(fields)
        return axis(fields, *(_typed(fields, text, of) for value in _split(values, ",") for text in _range(value, of)))
    names = _within(fields, part)
    rows = [_within(row, part) for row in _split(values, ",")]
    for row in rows:
        if len(row) != len(names):
            raise ConfigError(f"--sweep: {part!r}: ({','.join(row)}) does not have a value for each of {fields}.")
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return zip_axes(*(axis(name, *(_typed(name, text, kind(name)) for text in column)) for name, column in columns))


def _within(text: str, part: str) -> list[str]:
    """What stands within brackets, apart."""
    if not (text.startswith("(") and text.endswith(")")):
        raise ConfigError(f"--sweep: {part!r}: {text!r} should be in brackets, (field,field)=(value,value).")
    return _split(text[1:-1], ",")


def _split(text: str, separator: str) -> list[str]:
    """The pieces between separators that do not stand within brackets."""
    pieces, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if character == separator and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    if depth:
        raise ConfigError(f"--sweep: the brackets of {text!r} do not match.")
    return [piece.strip() for piece in pieces]


def _range(text: str, kind: type) -> list[str]:
    """The numbers of `start:stop`, or the text itself."""
    if kind is not int or ":" not in text:
        return [text]
    start, _, stop = text.partition(":")
    if not (start.strip().isdecimal() and stop.strip().isdecimal() and int(start) < int(stop)):
        raise ConfigError(f"--sweep: the range {text!r} is not of the form start:stop with start below stop.")
    return [str(number) for number in range(int(start), int(stop))]


_TRUTH = {"true": True, "false": False}

_READ: dict[type, Callable[[str], Any]] = {bool: lambda text: _TRUTH[text.lower()], int: int, float: float, str: str}


def _typed(field: str, text: str, kind: type) -> Any:
    if kind not in _READ:
        raise ConfigError(f"--sweep: {field} is {described(kind)}, which a study's sweep() alone can vary.")
    if not text:
        raise ConfigError(f"--sweep: {field} has an empty value.")
    try:
        return _READ[kind](text)
    except (KeyError, ValueError):
        raise ConfigError(f"--sweep: {field} must be {described(kind)}, not {text!r}.") from None
