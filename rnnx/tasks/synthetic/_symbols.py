"""Sequence to sequence on made-up symbols, whose target is the source in another order."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy, exact
from rnnx.types import Array, Batch, Example, Pair, Scores, Task
from rnnx.vocabulary import PairVocabulary, Vocabulary

_SYMBOLS = 8
_VOCABULARY = Vocabulary("character", tuple("abcdefgh"))


def said_again(order: Callable[[Any, Any], Any]) -> Task:
    """A task of eight symbols, of 1 to `length` steps each.

    Args:
      order: which step of the source is said at a step of the target, for an example of some length.
    """

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        checks.size("batch_size", batch_size)
        checks.size("length", length)
        symbol_key, length_key = jax.random.split(key)
        lengths = jax.random.randint(length_key, (batch_size,), 1, length + 1)
        t = jnp.arange(length)[:, None]
        there = t < lengths
        source = jnp.where(there, jax.random.randint(symbol_key, (length, batch_size), 0, _SYMBOLS), 0)
        said = jnp.broadcast_to(jnp.maximum(order(t, lengths), 0), source.shape)
        target = jnp.where(there, jnp.take_along_axis(source, said, axis=0), 0)
        before = jnp.concatenate([jnp.full((1, batch_size), _SYMBOLS), target[:-1]])
        return Batch(Pair(source, before, lengths), target, there.astype(jnp.float32), lengths)

    def scores(outputs: Array, batch: Batch) -> Scores:
        return {"accuracy": (accuracy(outputs, batch), batch.weights), "exact": exact(outputs, batch)}

    def example(batch: Batch) -> Example:
        n = int(batch.inputs.target_lengths[0])
        source, target = (_VOCABULARY.decode(np.asarray(of)[:n, 0]) for of in (batch.inputs.source, batch.targets))
        return examples.translation(source, target, marks=(order(n - 1, n),), marked="the symbol to be said there")

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
        pair_vocabulary=PairVocabulary(_VOCABULARY, _VOCABULARY, length=None),
    )
