"""One linear unit, for which everything is known."""

import jax.numpy as jnp

import rnnx
from rnnx.cells.rnn import RNNParams
from rnnx.types import Array, Cell, GradientFlow

LINEAR = rnnx.rnn(1, activation="identity")


def scalar(a: float, w: float = 1.0) -> tuple[Cell, RNNParams]:
    """h ← a h + w x."""
    return LINEAR, RNNParams(input_kernel=jnp.array([[w]]), recurrent_kernel=jnp.array([[a]]), bias=jnp.zeros(1))


def last(ys: Array) -> Array:
    """L = h_T."""
    return jnp.sum(ys[-1])


def scalar_evidence(a: float, steps: int) -> GradientFlow:
    """Of L = h_T with x = 1."""
    return rnnx.gradient_flow(*scalar(a), jnp.ones((steps, 1, 1)), last)
