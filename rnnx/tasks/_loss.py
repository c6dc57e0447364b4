"""Means over what a batch scores."""

import jax
import jax.numpy as jnp

from rnnx.types import Array, Batch


def weighted_mean(values: Array, batch: Batch) -> Array:
    """Σ w v / Σ w over steps and examples, `values [T, B]`."""
    return jnp.sum(batch.weights * values) / jnp.sum(batch.weights)


def cross_entropy(outputs: Array, batch: Batch) -> Array:
    """Of logits `[T, B, O]` and whole numbers `[T, B]`, in nats."""
    log_p = jax.nn.log_softmax(outputs)
    return weighted_mean(-jnp.take_along_axis(log_p, batch.targets[..., None], axis=-1)[..., 0], batch)


def share_right(outputs: Array, batch: Batch) -> Array:
    """The share of steps whose largest logit is that of the target."""
    right = jnp.argmax(outputs, axis=-1) == batch.targets
    return weighted_mean(right.astype(outputs.dtype), batch)


def last_scored(batch: Batch) -> Array:
    """Index of the last step that counts for each example, `[B]`."""
    T = batch.weights.shape[0]
    return T - 1 - jnp.argmax(batch.weights[::-1] > 0, axis=0)
