"""n-back: tell at every step whether its symbol is the one of n steps before.

    input    a b c b c c …        n = 2        target   -  -  no yes yes no …

A test of working memory in people (Kirchner 1958). As in `delayed_copy` the memory is a queue that never rests, and
what is kept has to be held against what is read. Many-to-many; cross-entropy.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Example, Scores, Task

_SYMBOLS = 8
_SAME = 1 / _SYMBOLS


def n_back(*, n: int = 3) -> Task:
    """n-back with eight symbols.

    Inputs `[T, B, 8]` one-hot, targets `[T, B]`, 1 where the symbol is that of n steps before, weights 1 from step n
    on; outputs are logits `[T, B, 2]`. One time in eight it is the same, by chance, so that the floor is the entropy of
    that, 0.377 nats, and the `accuracy` of one that always says no is 7/8. `recalled` is that of the steps where it is
    the same.

    Args:
      n: steps back.

    Raises:
      ValueError: n below 1; from `sample`, a length that is not above n.

    >>> import jax
    >>> batch = n_back(n=2).sample(jax.random.key(5), 1, 8)
    >>> "".join("abcdefgh"[symbol] for symbol in batch.inputs[:, 0].argmax(-1)), batch.targets[:, 0].tolist()
    ('bahaefdf', [0, 0, 0, 1, 0, 0, 0, 1])
    """
    n = checks.size("n", n)

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size("length of the n-back problem", length, least=n + 1)
        symbols = jax.random.randint(key, (length, batch_size), 0, _SYMBOLS)
        scored = (jnp.arange(length) >= n).astype(jnp.float32)
        return Batch(
            inputs=jax.nn.one_hot(symbols, _SYMBOLS),
            targets=jnp.zeros_like(symbols).at[n:].set((symbols[n:] == symbols[:-n]).astype(symbols.dtype)),
            weights=jnp.broadcast_to(scored[:, None], (length, batch_size)),
        )

    def scores(outputs: Array, batch: Batch) -> Scores:
        right = accuracy(outputs, batch)
        return {
            "accuracy": (right, batch.weights),
            "recalled": (right, jnp.where(batch.targets == 1, batch.weights, 0)),
        }

    def example(batch: Batch) -> Example:
        pieces = ["abcdefgh"[symbol] for symbol in np.asarray(batch.inputs)[:, 0].argmax(axis=-1)]
        target = "the same" if int(batch.targets[-1, 0]) else "another"
        return examples.text(pieces, target, marks=(len(pieces) - 1 - n,), marked="the symbol to compare with")

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=scores,
        baseline_loss=lambda length: -_SAME * math.log(_SAME) - (1 - _SAME) * math.log(1 - _SAME),
        input_size=_SYMBOLS,
        output_size=2,
        loss_unit="cross-entropy (nats per step)",
        min_length=n + 1,
        example=example,
    )
