"""Checks of arguments that come from people: each raises `ValueError` with one line that names the argument."""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import registry


def size(name: str, value: Any, least: int = 1, below: int = 2**31) -> int:
    """A whole number of at least `least`, and below what 32 bits hold, with which JAX counts and indexes.

    >>> size("hidden_size", True)
    Traceback (most recent call last):
    ValueError: hidden_size must be a whole number of at least 1, not True.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    if int(value) >= below:
        raise ValueError(f"{name} must be a whole number below {below}, not {value!r}.")
    return int(value)


def same_size(cell: str, input_size: int, hidden_size: int) -> None:
    """That inputs are as large as states, for cells that compose the two.

    >>> same_size("recursive", 3, 8)
    Traceback (most recent call last):
    ValueError: recursive composes states of the size of its inputs, so input_size must be its hidden_size, 8, not 3.
    """
    if input_size != hidden_size:
        raise ValueError(
            f"{cell} composes states of the size of its inputs, so input_size must be its hidden_size, "
            f"{hidden_size}, not {input_size}."
        )


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


def whole_numbers(name: str, value: Any, shape: Iterable[int]) -> jax.Array:
    """Whole numbers of a shape, of whatever type, as int32: to compute in a type that ends at 127 or at 0 goes wrong.

    What int32 can't hold becomes the nearest number that it can.

    >>> whole_numbers("lengths", [2, 200], (2,)), whole_numbers("lengths", np.array([2**40]), (1,))
    (Array([  2, 200], dtype=int32), Array([2147483647], dtype=int32))
    """
    value = value if isinstance(value, np.ndarray | jax.Array) else jnp.asarray(value)
    if list(value.shape) != list(shape) or not jnp.issubdtype(value.dtype, jnp.integer):
        raise ValueError(f"{name} must be whole numbers of shape {list(shape)}, not {value.dtype}{list(value.shape)}.")
    given, limits = jnp.iinfo(value.dtype), jnp.iinfo(jnp.int32)
    if given.max > limits.max:
        value = value.clip(max(given.min, limits.min), limits.max)
    return jnp.asarray(value, jnp.int32)


def booleans(name: str, value: Any, shape: Iterable[int]) -> jax.Array:
    """Booleans of a shape, as an array.

    >>> booleans("mask", [1, 0], (2,))
    Traceback (most recent call last):
    ValueError: mask must be booleans of shape [2], not int32[2].
    """
    value = jnp.asarray(value)
    if list(value.shape) != list(shape) or value.dtype != jnp.bool_:
        raise ValueError(f"{name} must be booleans of shape {list(shape)}, not {value.dtype}{list(value.shape)}.")
    return value
