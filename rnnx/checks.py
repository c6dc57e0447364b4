"""Checks of arguments that come from people: each raises `ValueError` with one line that names the argument."""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from rnnx import registry


def size(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least `least`.

    >>> size("hidden_size", True)
    Traceback (most recent call last):
    ValueError: hidden_size must be a whole number of at least 1, not True.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    return int(value)


def number(name: str, value: Any, above: float = -math.inf) -> float:
    """A finite number, greater than `above`.

    >>> number("learning_rate", float("nan"), above=0)
    Traceback (most recent call last):
    ValueError: learning_rate must be a finite number above 0, not nan.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value <= above:
        limit = "" if above == -math.inf else f" above {above:g}"
        raise ValueError(f"{name} must be a finite number{limit}, not {value!r}.")
    return float(value)


def choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """One of the given names.

    >>> choice("engine", "scna", ["loop", "scan"])
    Traceback (most recent call last):
    ValueError: no engine named 'scna'; did you mean 'scan'? Known: loop, scan.
    """
    choices = list(choices)
    if value not in choices:
        raise ValueError(registry.unknown(name, value, choices))
    return value
