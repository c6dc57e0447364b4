"""Which values count, and what share of them meets a condition."""

import jax.numpy as jnp

from rnnx.types import Array


def valid_mask(values: Array, last: Array) -> Array:
    """Which values `[T, B, …]` are of a step up to `last [B]`, in the shape of the values."""
    there = jnp.arange(values.shape[0], dtype=last.dtype)[:, None] <= last
    return jnp.broadcast_to(jnp.expand_dims(there, range(2, values.ndim)), values.shape)


def fraction(condition: Array, values: Array, there: Array) -> Array:
    """The share of the values `there` that meet a condition; NaN if one of them is NaN, which meets none.

    >>> values = jnp.array([0.2, 0.7, 0.9, 0.1])
    >>> round(float(fraction(values < 0.5, values, jnp.array([True, True, True, False]))), 4)
    0.3333
    """
    return jnp.mean(jnp.where(jnp.isnan(values), values, condition.astype(values.dtype)), where=there)
