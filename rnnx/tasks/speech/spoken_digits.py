"""Spoken digits: which of ten was said, told at the end of a recording (the Free Spoken Digit Dataset).

    x_1 … x_T  frames of a log-mel spectrogram, one each 10 ms        class at the last frame: 0 … 9

Two ways to split 3000 recordings of six speakers:

- `official`: index 0 … 4 of every digit and speaker is tested on, as the data set's README has it; 5 … 9 are held out
  here, and 10 … 49 trained on. All speakers are in all parts.
- the name of a speaker: all 500 recordings of that one are tested on; of the others 0 … 4 are held out. That is how
  well it hears someone it has never heard, and the more honest number.

A recording is as long as it is: examples have `lengths`, and nothing is read off the padding. Each of the 40 mels is
standardised by mean and standard deviation over all frames that are trained on. Many-to-one; cross-entropy.
"""

import math
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.tasks.speech import _recorded
from rnnx.tasks.speech._features import MELS, samples_of
from rnnx.types import Array, Batch, Example, Task


def spoken_digits(*, split: str = "official", path: str = "") -> Task:
    """Spoken digits, or words of one's own.

    Inputs `[T, B, 40]`, frames of a standardised log-mel spectrogram, with their `lengths`; targets `[T, B]` with the
    class at each example's last frame, weights 1 there only; outputs are logits `[T, B, 10]`. T is `length`, in frames
    of 10 ms; longer recordings are not drawn, and 64 frames are enough for 95 of 100. `test_batches` has all recordings
    of the test part, whatever their length.

    The floor is the logarithm of the number of classes: without memory, the last frame alone says little.

    Args:
      split: `official`, or the speaker who is tested on: george, jackson, lucas, nicolas, theo or yweweler.
      path: a folder of recordings of one's own, `<label>_<anything>.wav`, mono, 16 bits, 8000 samples a second, to take
        instead; each label is a class. By a hash of the file's name 80 % are trained on, 10 % held out, 10 % tested on.

    Raises:
      rnnx.data.DataError: the recordings can't be had, or one is damaged or too short, 25 ms.
      ValueError: an unknown speaker; a split beside a path; too few recordings; from `sample`, a length below that of
        the shortest one.

    >>> import jax
    >>> batch = spoken_digits().sample(jax.random.key(0), 4, 64)  # doctest: +SKIP
    >>> batch.inputs.shape, batch.targets.shape  # doctest: +SKIP
    ((64, 4, 40), (64, 4))
    """
    table = _recorded.table(split, path)
    flat, offsets, sizes, labels = map(jnp.asarray, table.arrays)
    lengths = table.lengths

    def batch(which: Array | np.ndarray, T: int) -> Batch:
        places = jnp.arange(samples_of(T))
        own = sizes[which][:, None]
        wave = jnp.where(places < own, flat[offsets[which][:, None] + jnp.minimum(places, own - 1)], 0)
        own_frames = jnp.asarray(lengths, jnp.int32)[which]
        at_last = jnp.arange(T, dtype=jnp.int32)[:, None] == own_frames - 1
        return Batch(
            inputs=table.inputs(wave, own_frames),
            targets=jnp.where(at_last, labels[which], 0),
            weights=at_last.astype(jnp.float32),
            lengths=own_frames,
        )

    def sampler(part: np.ndarray) -> Callable[[Array, int, int], Batch]:
        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            checks.size("length of recordings, in frames,", length, least=int(lengths[part].min()))
            short_enough = part[lengths[part] <= length]
            return batch(jax.random.choice(key, jnp.asarray(short_enough), (batch_size,)), length)

        return sample

    def test_batches(batch_size: int) -> Iterator[Batch]:
        checks.size("batch_size", batch_size)
        made = jax.jit(batch, static_argnums=1)
        part, T = table.test, int(lengths[table.test].max())
        return (made(part[n : n + batch_size], T) for n in range(0, len(part), batch_size))

    def example(batch: Batch) -> Example:
        assert batch.lengths is not None
        T = int(batch.lengths[0])
        label = table.classes[int(batch.targets[T - 1, 0])]
        return examples.sound(table.loudness(batch.inputs[:T, 0]), label)

    return Task(
        sample=sampler(table.train),
        sample_heldout=sampler(table.heldout),
        losses=cross_entropy,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: math.log(len(table.classes)),
        input_size=MELS,
        output_size=len(table.classes),
        loss_unit="cross-entropy (nats per recording)",
        min_length=int(max(lengths[part].min() for part in (table.train, table.heldout))),
        data={
            "path" if path else "recordings": table.recordings.name,
            "sha256": table.recordings.sha256,
            "split": "80/10/10 by a hash of the name" if path else split,
            "classes": " ".join(table.classes),
        },
        test_batches=test_batches,
        example=example,
    )
