"""Sequence to sequence on made-up symbols: say them again, the last one first.

    source   s_1 s_2 … s_n        target   s_n … s_2 s_1        n from 1 to `length`, at random

The first symbol to be said was read last, and the last one first: without attention the state that is handed over must
hold all of them, and the loss at the last step reaches back over the whole source. Cross-entropy. A task of rnnx, after
the reversed sources of Sutskever, Vinyals & Le 2014.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy, exact
from rnnx.types import Array, Batch, Example, Pair, Scores, Task

_SYMBOLS = 8


def reverse() -> Task:
    """Reversing sequences of eight symbols, of 1 to `length` steps each.

    Inputs are `Pair`: sources `[T, B]`, and what the decoder is given, the target of the step before (8 before the
    first); targets `[T, B]`, weights 1 up to an example's length, outputs logits `[T, B, 8]`. The baseline is ln 8
    nats: symbols are drawn independently. `exact` is the share of examples with every symbol right, each given those
    before.

    Raises:
      ValueError: from `sample`, a length below 1.

    >>> import jax
    >>> batch = reverse().sample(jax.random.key(2), 1, 5)
    >>> n = int(batch.lengths[0])
    >>> bool((batch.inputs.source[:n, 0][::-1] == batch.targets[:n, 0]).all())
    True
    """

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        checks.size("batch_size", batch_size)
        checks.size("length", length)
        symbol_key, length_key = jax.random.split(key)
        lengths = jax.random.randint(length_key, (batch_size,), 1, length + 1)
        t = jnp.arange(length)[:, None]
        there = t < lengths
        source = jnp.where(there, jax.random.randint(symbol_key, (length, batch_size), 0, _SYMBOLS), 0)
        backwards = jnp.take_along_axis(source, jnp.maximum(lengths - 1 - t, 0), axis=0)
        target = jnp.where(there, backwards, 0)
        before = jnp.concatenate([jnp.full((1, batch_size), _SYMBOLS), target[:-1]])
        return Batch(Pair(source, before, lengths), target, there.astype(jnp.float32), lengths)

    def scores(outputs: Array, batch: Batch) -> Scores:
        return {"accuracy": (accuracy(outputs, batch), batch.weights), "exact": exact(outputs, batch)}

    def example(batch: Batch) -> Example:
        n = int(batch.inputs.target_lengths[0])
        source, target = (
            "".join("abcdefgh"[symbol] for symbol in np.asarray(of)[:n, 0])
            for of in (batch.inputs.source, batch.targets)
        )
        return examples.translation(source, target, marks=(0,), marked="the symbol to be said there")

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=scores,
        baseline_loss=lambda length: math.log(_SYMBOLS),
        input_size=_SYMBOLS,
        output_size=_SYMBOLS,
        vocab_size=_SYMBOLS,
        loss_unit="cross-entropy (nats per symbol)",
        model="encoder_decoder",
        example=example,
    )
