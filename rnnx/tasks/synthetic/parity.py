"""Parity: whether the number of ones among many bits is odd, told at the end.

One bit of memory suffices, and each bit that is read may turn it over: no step may be forgotten or read wrongly. It is
hard to learn by gradients, since the answer is as likely either way whatever part of the bits is known; a network that
has learnt it for one length and not for another has not learnt parity. Many-to-one; cross-entropy.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Example, Task


def parity() -> Task:
    """Parity of random bits.

    Inputs `[T, B, 1]`, 0 or 1, targets `[T, B]` with the parity at the last step, weights 1 there only; outputs are
    logits `[T, B, 2]`. The floor is ln 2 nats: without all the others the last bit says nothing.

    Raises:
      ValueError: from `sample`, a length below 2.

    >>> import jax
    >>> batch = parity().sample(jax.random.key(0), 1, 6)
    >>> batch.inputs[:, 0, 0].astype(int).tolist(), int(batch.targets[-1, 0])
    ([1, 0, 0, 1, 1, 1], 0)
    """

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size("length of the parity problem", length, least=2)
        bits = jax.random.randint(key, (length, batch_size), 0, 2)
        at_last = jnp.arange(length)[:, None] == length - 1
        return Batch(
            inputs=bits[..., None].astype(jnp.float32),
            targets=jnp.where(at_last, jnp.sum(bits, axis=0) % 2, 0),
            weights=jnp.broadcast_to(at_last.astype(jnp.float32), (length, batch_size)),
        )

    def example(batch: Batch) -> Example:
        bits = np.asarray(batch.inputs)[:, 0, 0].astype(int)
        target = "odd" if int(batch.targets[-1, 0]) else "even"
        return examples.text([str(bit) for bit in bits], target, marks=tuple(np.flatnonzero(bits)), marked="the ones")

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: math.log(2),
        input_size=1,
        output_size=2,
        loss_unit="cross-entropy (nats)",
        min_length=2,
        example=example,
    )
