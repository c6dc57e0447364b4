"""What a batch is scored by, position by position."""

import jax
import jax.numpy as jnp

from rnnx.types import Array, Batch


def cross_entropy(outputs: Array, batch: Batch) -> Array:
    """Of logits `[T, B, O]` and whole numbers `[T, B]`, in nats, `[T, B]`."""
    log_p = jax.nn.log_softmax(outputs)
    targets = batch.targets.astype(jnp.int32)
    return -jnp.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]


def accuracy(outputs: Array, batch: Batch) -> Array:
    """1 where the largest logit is that of the target, else 0, `[T, B]`."""
    right = jnp.argmax(outputs, axis=-1).astype(jnp.int32) == batch.targets.astype(jnp.int32)
    return right.astype(outputs.dtype)


def exact(outputs: Array, batch: Batch) -> tuple[Array, Array]:
    """1 at every position of an example all of whose scored positions are right, else 0; and weights of 1, `[T, B]`.

    All examples have as many positions, and so the mean is the share of examples that are right as a whole.
    """
    right = accuracy(outputs, batch)
    wrong = jnp.sum(jnp.where(batch.weights > 0, 1 - right, 0), axis=0)
    return jnp.broadcast_to((wrong == 0).astype(right.dtype), right.shape), jnp.ones_like(right)
