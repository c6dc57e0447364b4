"""aⁿbⁿ: as many b as there were a, and then the end.

    input    a a a b b b        target   - - - b b $        n from 1 to half the length, at random

The simplest language that no finite automaton accepts: it takes a counter. The next symbol is to be told wherever it
follows from what was read, which is from the first b on; how many a there will be is not to be known. LSTMs learn it
and go on counting far beyond what they were trained on (Gers & Schmidhuber 2001; Weiss, Goldberg & Yahav 2018, who find
that GRUs do not). Variant: loss at the b alone. Many-to-many; cross-entropy.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy, exact
from rnnx.types import Array, Batch, Example, Scores, Task

_B, _END = 1, 2


def anbn() -> Task:
    """aⁿbⁿ with n drawn from 1 … N = T/2.

    Inputs `[T, B, 2]` one-hot (a, b), zero past an example's `lengths`, 2n; targets `[T, B]`, the next symbol (b = 1,
    end = 2) at each b, weights 1 there only; outputs are logits `[T, B, 3]`. Each string has n targets, the last of
    which is the end: of one that knows no more than that it has read b the loss is the entropy of the share
    2 / (N + 1) of ends, the floor. `exact` is the share of strings in which all are right.

    Raises:
      ValueError: from `sample`, a length below 4.

    >>> import jax
    >>> batch = anbn().sample(jax.random.key(0), 1, 9)
    >>> n = int(batch.lengths[0]) // 2
    >>> batch.inputs[: 2 * n, 0, 1].tolist() == [0] * n + [1] * n
    True
    >>> batch.targets[n : 2 * n, 0].tolist() == [1] * (n - 1) + [2]
    True
    """

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size("length of strings aⁿbⁿ", length, least=4)
        n = jax.random.randint(key, (batch_size,), 1, length // 2 + 1)
        step = jnp.arange(length)[:, None]
        is_b = (step >= n) & (step < 2 * n)
        return Batch(
            inputs=jnp.stack([step < n, is_b], axis=-1).astype(jnp.float32),
            targets=jnp.where(is_b, jnp.where(step == 2 * n - 1, _END, _B), 0),
            weights=is_b.astype(jnp.float32),
            lengths=2 * n,
        )

    def scores(outputs: Array, batch: Batch) -> Scores:
        return {"accuracy": (accuracy(outputs, batch), batch.weights), "exact": exact(outputs, batch)}

    def example(batch: Batch) -> Example:
        n = int(np.sum(np.asarray(batch.weights)[:, 0]))
        return examples.text([*"a" * n, *"b" * n], "end", marks=tuple(range(n)), marked="what is counted")

    def floor(length: int) -> float:
        ends = 2 / (length // 2 + 1)
        return -ends * math.log(ends) - (1 - ends) * math.log1p(-ends)

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=scores,
        baseline_loss=floor,
        input_size=2,
        output_size=3,
        loss_unit="cross-entropy (nats per symbol)",
        min_length=4,
        example=example,
    )
