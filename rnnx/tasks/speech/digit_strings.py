"""Strings of spoken digits, to be written down: many-to-many without a given alignment, by CTC.

    x_1 … x_T  frames of one to five recordings, with silence around each        labels, for example 4 0 7

Recordings are those of `spoken_digits`, in the same parts: what a test string is made of was never trained on. Before
each recording there are 50 to 200 ms of exact silence, and 50 ms at the end. A network gives at every frame the chances
of a digit or of a blank; the loss is -ln of the chance of all paths that lead to the labels (Graves et al. 2006,
"Connectionist temporal classification"), by `optax.ctc_loss`, divided by the number of labels.

Digit error rate = Σ edit distance / Σ labels over the whole test split, of the labelling of the likeliest path.
"""

import functools
import math
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rnnx import checks, examples
from rnnx.data._recordings import RATE
from rnnx.decoding.ctc import ctc_greedy
from rnnx.tasks.speech import _recorded
from rnnx.tasks.speech._error_rate import edit_distances
from rnnx.tasks.speech._features import HOP, MELS, WINDOW, samples_of
from rnnx.types import Alignment, Array, Batch, Example, Scores, Task

_MOST = 5
_SHORTEST, _LONGEST = 400, 1600  # samples of a silence
_TEST_STRINGS = 500
_TEST_FRAMES = 600


def digit_strings(*, split: str = "official") -> Task:
    """Strings of one to five spoken digits.

    Inputs `[T, B, 40]`, frames of a standardised log-mel spectrogram, with their `lengths`; targets `[5, B]`, digits as
    1 … 10 and 0 after the last one; weights `[B]`; outputs are logits `[T, B, 11]`, of which 0 is the blank. T is
    `length`, in frames of 10 ms: as many of the drawn digits are in a string as end before it. `test_batches` has 500
    strings of the recordings that are tested on, always the same.

    No path leads to labels that do not fit into the frames, of which it takes one for each, and one for a blank between
    two that are equal: such a string, of which there is none among these recordings, has a weight of 0.

    The floor is ln 10 nats per digit: of one that hears how many there are, and when, but not which.

    Args:
      split: as of `spoken_digits`.

    Raises:
      rnnx.data.DataError: the recordings can't be had.
      ValueError: an unknown speaker; from `sample`, a length that no recording fits into.

    >>> import jax
    >>> batch = digit_strings().sample(jax.random.key(0), 4, 200)  # doctest: +SKIP
    >>> batch.inputs.shape, batch.targets.shape  # doctest: +SKIP
    ((200, 4, 40), (5, 4))
    """
    table = _recorded.table(split, "")
    flat, offsets, sizes, labels = map(jnp.asarray, table.arrays)

    def string(key: Array, part: Array, T: int) -> tuple[Array, Array, Array]:
        """Samples, frames and labels of one string."""
        count_key, which_key, gap_key = jax.random.split(key, 3)
        count = jax.random.randint(count_key, (), 1, _MOST + 1)
        which = jax.random.choice(which_key, part, (_MOST,))
        gaps = jax.random.randint(gap_key, (_MOST,), _SHORTEST, _LONGEST + 1)
        ends = jnp.cumsum(gaps + sizes[which])
        there = (jnp.arange(_MOST) < count) & (ends + _SHORTEST <= samples_of(T))
        place = jnp.arange(samples_of(T))
        wave = jnp.zeros(samples_of(T), flat.dtype)
        for k in range(_MOST):
            at = place - (ends[k] - sizes[which[k]])
            inside = there[k] & (at >= 0) & (at < sizes[which[k]])
            wave = jnp.where(inside, flat[offsets[which[k]] + jnp.clip(at, 0, sizes[which[k]] - 1)], wave)
        end = jnp.max(jnp.where(there, ends, 0)) + _SHORTEST
        return wave, 1 + (end - WINDOW) // HOP, jnp.where(there, labels[which] + 1, 0)

    def batch(keys: Array, part: Array, T: int) -> Batch:
        wave, lengths, targets = jax.vmap(functools.partial(string, part=part, T=T))(keys)
        lengths, targets = lengths.astype(jnp.int32), targets.T.astype(jnp.int32)
        return Batch(table.inputs(wave, lengths), targets, _feasible(targets, lengths).astype(jnp.float32), lengths)

    def fitting(part: np.ndarray, T: int) -> np.ndarray:
        """Recordings that have room in so many frames with silence around."""
        return part[table.arrays.sizes[part] + _LONGEST + _SHORTEST <= samples_of(T)]

    def sampler(part: np.ndarray) -> Callable[[Array, int, int], Batch]:
        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            checks.size("length of strings, in frames,", length, least=least)
            return batch(jax.random.split(key, batch_size), jnp.asarray(fitting(part, length)), length)

        return sample

    def test_batches(batch_size: int) -> Iterator[Batch]:
        checks.size("batch_size", batch_size)
        made = jax.jit(batch, static_argnums=2)
        keys = jax.random.split(jax.random.key(0), _TEST_STRINGS)
        part = jnp.asarray(table.test)
        return (made(keys[n : n + batch_size], part, _TEST_FRAMES) for n in range(0, _TEST_STRINGS, batch_size))

    def scores(outputs: Array, batch: Batch) -> Scores:
        counts = jnp.sum((batch.targets > 0).astype(jnp.int32), axis=0)
        edits = edit_distances(*ctc_greedy(outputs, batch.lengths), batch.targets, counts)
        labels = counts.astype(outputs.dtype)
        return {"digits_right": (1 - edits.astype(outputs.dtype) / labels, batch.weights * labels)}

    def example(batch: Batch) -> Example:
        assert batch.lengths is not None
        T = int(batch.lengths[0])
        said = " ".join(table.classes[label - 1] for label in np.asarray(batch.targets)[:, 0] if label)
        spectrogram = np.asarray(batch.inputs)[:T, 0] * table.deviation + table.mean
        frames = {"spectrogram": np.round(spectrogram, 1).tolist(), "seconds": HOP / RATE}
        sound = examples.sound(spectrogram.mean(axis=-1), said)
        return sound._replace(data=sound.data | frames | {"symbols": ["", *table.classes]})

    parts = (table.train, table.heldout)
    least = max(next(T for T in range(1, 1000) if len(fitting(part, T))) for part in parts)
    return Task(
        sample=sampler(table.train),
        sample_heldout=sampler(table.heldout),
        losses=_losses,
        scores=scores,
        baseline_loss=lambda length: math.log(len(table.classes)),
        input_size=MELS,
        output_size=1 + len(table.classes),
        loss_unit="CTC (nats per digit)",
        min_length=least,
        data={"recordings": table.recordings.name, "sha256": table.recordings.sha256, "split": split},
        test_batches=test_batches,
        example=example,
        alignment=_alignment,
    )


def _losses(outputs: Array, batch: Batch) -> Array:
    """-ln p(labels) / labels, `[B]`."""
    assert batch.lengths is not None
    T, is_label = len(outputs), (batch.targets > 0).astype(outputs.dtype)
    past = (jnp.arange(T, dtype=jnp.int32)[:, None] >= batch.lengths).astype(outputs.dtype)
    losses = optax.ctc_loss(jnp.swapaxes(outputs, 0, 1), past.T, batch.targets.T, 1 - is_label.T)
    # Where no path leads to the labels it is 10⁵, with a gradient of its own.
    return jnp.where(batch.weights > 0, losses, 0) / jnp.sum(is_label, axis=0)


def _alignment(outputs: Array, batch: Batch) -> Alignment:
    """Of one string.

    The derivative of -ln p(labels) by the logits is softmax less the share of the paths (Graves et al. 2006, equation
    16), and so gives the latter.
    """
    assert batch.lengths is not None
    labels = batch.targets[:, 0]
    count = jnp.sum((labels > 0).astype(outputs.dtype))
    slope = jax.grad(lambda z: _losses(z, batch)[0] * count)(outputs)[:, 0]
    own = (jnp.arange(len(outputs), dtype=jnp.int32) < batch.lengths)[:, None]
    chances = jnp.where(own, jax.nn.softmax(outputs[:, 0]), 0)
    of_labels = jax.lax.stop_gradient(jnp.where(own, jnp.maximum(chances - slope, 0), 0))
    once = (labels > 0) & (jnp.sum((labels == labels[:, None]).astype(jnp.int32), axis=1) == 1)
    label = labels[jnp.argmax(once)]  # the first where there is none
    loss = -jnp.sum(of_labels[:, label] * jax.nn.log_softmax(outputs[:, 0])[:, label])
    return Alignment(chances, of_labels, label, loss)


def _feasible(targets: Array, lengths: Array) -> Array:
    """Whether there is a frame for each label, and one for a blank between two that are equal, `[B]`."""
    is_label = targets > 0
    equal = is_label[1:] & (targets[1:] == targets[:-1])
    return lengths >= jnp.sum(is_label, axis=0) + jnp.sum(equal, axis=0)
