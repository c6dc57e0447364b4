"""Means over what a batch scores."""

import jax.numpy as jnp

from rnnx.types import Array, Batch


def weighted_mean(values: Array, batch: Batch) -> Array:
    """Σ w v / Σ w over steps and examples, `values [T, B]`."""
    return jnp.sum(batch.weights * values) / jnp.sum(batch.weights)


def last_scored(batch: Batch) -> Array:
    """Index of the last step that counts for each example, `[B]`."""
    T = batch.weights.shape[0]
    return T - 1 - jnp.argmax(batch.weights[::-1] > 0, axis=0)
