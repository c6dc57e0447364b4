"""Japanese vowels: who of nine speakers said /ae/, told at the end of an utterance.

    x_1 … x_T  12 cepstral coefficients a step, T from 7 to 29        the speaker at the last step: 0 … 8

Of the 30 utterances of each speaker to train on every fifth is held out; the 370 to test on are as published (hidden
Markov models 96.2 %, the authors' own method 94.1 %). Lengths differ, and nothing is read off the padding. Many-to-one;
cross-entropy.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks
from rnnx.data.japanese_vowels import Utterance, Vowels
from rnnx.data.japanese_vowels import japanese_vowels as _vowels
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Task

_SPEAKERS, _COEFFICIENTS = 9, 12


def japanese_vowels() -> Task:
    """Speakers by the way they say a vowel.

    Inputs `[T, B, 12]`, as published, zero past an example's `lengths`; targets `[T, B]` with the speaker at its last
    step, weights 1 there only; outputs are logits `[T, B, 9]`. T is `length`: longer utterances are not drawn, and 29
    is enough for all. `test_batches` has every utterance to test on. The floor is ln 9 nats.

    Raises:
      rnnx.data.DataError: the utterances can't be had.
      ValueError: from `sample`, a length below that of the shortest one.

    >>> import jax
    >>> batch = japanese_vowels().sample(jax.random.key(0), 4, 29)  # doctest: +SKIP
    >>> batch.inputs.shape, int(batch.lengths.max()) <= 29  # doctest: +SKIP
    ((29, 4, 12), True)
    """
    vowels = _read()
    every_fifth = np.arange(len(vowels.train)) % 5 == 4
    train, heldout = (
        _part(tuple(one for one, held in zip(vowels.train, every_fifth, strict=True) if held is wanted))
        for wanted in (np.False_, np.True_)
    )
    test = _part(vowels.test)

    def test_batches(batch_size: int) -> Iterator[Batch]:
        checks.size("batch_size", batch_size)
        count, T = test.inputs.shape[:2]
        return (_batch(test, np.arange(n, min(n + batch_size, count)), T) for n in range(0, count, batch_size))

    return Task(
        sample=_sampler(train),
        sample_heldout=_sampler(heldout),
        losses=cross_entropy,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: math.log(_SPEAKERS),
        input_size=_COEFFICIENTS,
        output_size=_SPEAKERS,
        loss_unit="cross-entropy (nats per utterance)",
        min_length=int(max(part.lengths.min() for part in (train, heldout))),
        data={"utterances": "japanese_vowels"} | vowels.sha256,
        test_batches=test_batches,
    )


class _Part(NamedTuple):
    inputs: np.ndarray  # [utterances, T, 12], zero past the end of each
    lengths: np.ndarray  # [utterances]
    speakers: np.ndarray  # [utterances]


def _sampler(part: _Part) -> Callable[[Array, int, int], Batch]:
    def sample(key: Array, batch_size: int, length: int) -> Batch:
        checks.size("batch_size", batch_size)
        checks.size("length of utterances", length, least=int(part.lengths.min()))
        short_enough = jnp.asarray(np.flatnonzero(part.lengths <= length))
        return _batch(part, jax.random.choice(key, short_enough, (batch_size,)), length)

    return sample


def _batch(part: _Part, which: Array | np.ndarray, T: int) -> Batch:
    inputs = np.pad(part.inputs, ((0, 0), (0, max(0, T - part.inputs.shape[1])), (0, 0)))[:, :T]
    lengths = jnp.asarray(part.lengths, jnp.int32)[which]
    at_last = jnp.arange(T, dtype=jnp.int32)[:, None] == lengths - 1
    return Batch(
        inputs=jnp.swapaxes(jnp.asarray(inputs, jnp.float32)[which], 0, 1),
        targets=jnp.where(at_last, jnp.asarray(part.speakers, jnp.int32)[which], 0),
        weights=at_last.astype(jnp.float32),
        lengths=lengths,
    )


@functools.cache
def _read() -> Vowels:
    """The same whenever they are read: others would have another hash, and be refused."""
    return _vowels()


def _part(utterances: tuple[Utterance, ...]) -> _Part:
    lengths = np.array([len(one.coefficients) for one in utterances])
    inputs = np.zeros((len(utterances), lengths.max(), _COEFFICIENTS))
    for n, one in enumerate(utterances):
        inputs[n, : lengths[n]] = one.coefficients
    return _Part(inputs, lengths, np.array([one.speaker for one in utterances]))
