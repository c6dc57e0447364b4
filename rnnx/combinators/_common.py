"""Checks that several combinators make; each raises `ValueError` with one line that names the combinator."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters.partial_eval import dce_jaxpr

from rnnx import checks
from rnnx.types import Cell, Composed, Dense, Params, Tree


def cells(name: str, *values: Any) -> None:
    """That what is to be combined are cells that run over time."""
    for value in values:
        if not isinstance(value, Cell):
            raise ValueError(f"{name} takes cells, such as rnnx.lstm(hidden_size=8), not {value!r}.")
        if isinstance(value.form, Tree):
            raise ValueError(f"{name} takes cells that run over time, and this one runs over trees.")


def dense(name: str, cell: Cell) -> Dense:
    """The form of a cell that must be `Dense`."""
    if not isinstance(cell.form, Dense):
        raise ValueError(f"{name} needs a cell of form Dense, such as lstm, and this one has {_form(cell)}.")
    return cell.form


def single(name: str, cell: Cell) -> None:
    """That a cell is not made of cells that run one after the other."""
    if isinstance(cell.form, Composed):
        raise ValueError(f"{name} takes one cell, and this one has {_form(cell)}; put {name} around the cells inside.")


def reads_state_alone(cell: Cell, params: Params, input_size: int) -> bool:
    """Whether what a cell gives out is a function of its state, whatever its input is."""
    jaxpr = jax.make_jaxpr(functools.partial(cell.read, params))(cell.initial_state(params, ()), jnp.zeros(input_size))
    used = dce_jaxpr(jaxpr.jaxpr, [True] * len(jaxpr.jaxpr.outvars))[1]
    return not used[-1]  # the input, which comes after all of the state


def _form(cell: Cell) -> str:
    return "no form" if cell.form is None else f"the form {type(cell.form).__name__}"


def rate(name: str, value: Any) -> float:
    """A share from 0 to 1."""
    if checks.number(name, value) < 0 or value > 1:
        raise ValueError(f"{name} must lie between 0 and 1, not {value!r}.")
    return float(value)


def key(value: Any) -> None:
    """That randomness comes from a key."""
    if not isinstance(value, jax.Array):
        raise ValueError(f"key must be a key such as jax.random.key(0), not {value!r}.")
