"""Nested settings and their flat names, as they stand on the command line."""

from typing import Any


def flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"cell": {"name": "rnn"}}` as `{"cell.name": "rnn"}`.

    >>> flatten({"cell": {"name": "rnn"}, "seed": 0})
    {'cell.name': 'rnn', 'seed': 0}
    """
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
