"""The direction of a vector of any size."""

import jax.numpy as jnp

from rnnx.types import Array


def direction(v: Array) -> Array:
    """v / ‖v‖ over the last axis, without squaring what may underflow; zero where v is exactly zero.

    >>> direction(jnp.array([3e-30, 4e-30])).round(6)
    Array([0.6, 0.8], dtype=float32)
    """
    largest = jnp.max(jnp.abs(v), axis=-1, keepdims=True)
    scaled = v / jnp.where(largest == 0, 1, largest).astype(v.dtype)
    norm = jnp.linalg.norm(scaled, axis=-1, keepdims=True)  # at least 1, but for v = 0
    return scaled / jnp.maximum(norm, 1).astype(v.dtype)
