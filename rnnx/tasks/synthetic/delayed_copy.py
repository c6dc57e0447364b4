"""Delayed copy: say at every step the symbol of some steps before.

    input    s_1 s_2 s_3 s_4 s_5 …        target   -  -  s_1 s_2 s_3 …        a delay of 2, eight symbols

The memory is a queue that never rests: unlike in `copy_memory` there is no blank stretch over which a state could stay
as it is, and nothing says what is to be kept. After the delayed copy of Engelken 2023 ("Gradient flossing"); there the
input is a stream of numbers. Many-to-many; cross-entropy.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Example, Task

_SYMBOLS = 8


def delayed_copy(*, delay: int = 10) -> Task:
    """Delayed copy of eight symbols.

    Inputs `[T, B, 8]` one-hot, targets `[T, B]`, weights 1 from step `delay` on; outputs are logits `[T, B, 8]`. The
    floor is ln 8 nats: symbols are drawn independently.

    Args:
      delay: steps from where a symbol is read to where it is said.

    Raises:
      ValueError: a delay below 1; from `sample`, a length that is not above the delay.

    >>> import jax
    >>> batch = delayed_copy(delay=2).sample(jax.random.key(0), 1, 6)
    >>> "".join("abcdefgh"[symbol] for symbol in batch.inputs[:, 0].argmax(-1))
    'faafdd'
    >>> "".join("abcdefgh"[symbol] for symbol in batch.targets[2:, 0])
    'faaf'
    """
    delay = checks.size("delay", delay)

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size("length of the delayed copy", length, least=delay + 1)
        symbols = jax.random.randint(key, (length, batch_size), 0, _SYMBOLS)
        scored = (jnp.arange(length) >= delay).astype(jnp.float32)
        return Batch(
            inputs=jax.nn.one_hot(symbols, _SYMBOLS),
            targets=jnp.zeros_like(symbols).at[delay:].set(symbols[:-delay]),
            weights=jnp.broadcast_to(scored[:, None], (length, batch_size)),
        )

    def example(batch: Batch) -> Example:
        pieces = ["abcdefgh"[symbol] for symbol in np.asarray(batch.inputs)[:, 0].argmax(axis=-1)]
        mark = len(pieces) - 1 - delay
        return examples.text(pieces, pieces[mark], marks=(mark,), marked="the symbol to be said there")

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: math.log(_SYMBOLS),
        input_size=_SYMBOLS,
        output_size=_SYMBOLS,
        loss_unit="cross-entropy (nats per symbol)",
        min_length=delay + 1,
        example=example,
    )
