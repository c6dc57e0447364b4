"""What a batch is scored by, position by position."""

import jax
import jax.numpy as jnp

from rnnx.types import Array, Batch


def cross_entropy(outputs: Array, batch: Batch) -> Array:
    """Of logits `[T, B, O]` and whole numbers `[T, B]`, in nats, `[T, B]`: log Σ_o exp z_o - z_target."""
    # Of z relative to the largest: what is large in all of them cancels before it is rounded.
    largest = jax.lax.stop_gradient(jnp.max(outputs, axis=-1, keepdims=True))
    log_sum = jnp.log(jnp.sum(jnp.exp(outputs - largest), axis=-1))
    return log_sum - (_of_targets(outputs, batch) - largest)[..., 0]


def accuracy(outputs: Array, batch: Batch) -> Array:
    """1 where the largest logit is that of the target, else 0, `[T, B]`."""
    right = jnp.argmax(outputs, axis=-1).astype(jnp.int32) == batch.targets.astype(jnp.int32)
    return right.astype(outputs.dtype)


def top_k(outputs: Array, batch: Batch, k: int) -> Array:
    """1 where the logit of the target is among the k largest, else 0, `[T, B]`; of equal ones the first is the larger,
    as for `accuracy`, and what is NaN is not right."""
    chosen = _of_targets(outputs, batch)
    first = jnp.arange(outputs.shape[-1], dtype=jnp.int32) < batch.targets.astype(jnp.int32)[..., None]
    ahead = ~(outputs <= chosen) | ((outputs == chosen) & first)
    return (jnp.sum(ahead, axis=-1) < k).astype(outputs.dtype)


def exact(outputs: Array, batch: Batch) -> tuple[Array, Array]:
    """1 at every position of an example all of whose scored positions are right, else 0; and weights of 1, `[T, B]`.

    All examples have as many positions, and so the mean is the share of examples that are right as a whole.
    """
    right = accuracy(outputs, batch)
    wrong = jnp.sum(jnp.where(batch.weights > 0, 1 - right, 0), axis=0)
    return jnp.broadcast_to((wrong == 0).astype(right.dtype), right.shape), jnp.ones_like(right)


def _of_targets(outputs: Array, batch: Batch) -> Array:
    """The logits of the targets, `[T, B, 1]`."""
    return jnp.take_along_axis(outputs, batch.targets.astype(jnp.int32)[..., None], axis=-1)
