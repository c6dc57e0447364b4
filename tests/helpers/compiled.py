"""What is some dozens of programs one operation at a time, as one program."""

from collections.abc import Callable

import jax

from rnnx.training.program import split
from rnnx.types import Array, Batch, Params


def sample(draw: Callable[[Array, int, int], Batch], key: Array, batch_size: int, length: int) -> Batch:
    """A batch, by a task's `sample` or `sample_heldout`."""
    return jax.jit(draw, static_argnums=(1, 2))(key, batch_size, length)


def params(model: Callable) -> Params:
    """Those that a model begins with, of key 0."""
    return jax.jit(lambda: split(model, jax.random.key(0))[1])()
