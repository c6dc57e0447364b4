"""Recordings as arrays, split into parts, and the spectrogram that a network is given of them."""

import functools
import hashlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.data._recordings import Recordings, read_recordings
from rnnx.data.fsdd import fsdd
from rnnx.tasks.speech._features import HOP, WINDOW, frames, log_mel, samples_of
from rnnx.types import Array

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")


class Arrays(NamedTuple):
    """Of all recordings."""

    flat: np.ndarray  # all samples, one recording after the other, int16
    offsets: np.ndarray  # [recordings], where each begins
    sizes: np.ndarray  # [recordings], samples
    labels: np.ndarray  # [recordings]


class Table(NamedTuple):
    """Recordings, and which of them are for what."""

    recordings: Recordings
    arrays: Arrays
    classes: tuple[str, ...]
    train: np.ndarray  # which recordings
    heldout: np.ndarray
    test: np.ndarray
    mean: np.ndarray  # [40], of the frames to train on
    deviation: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each recording."""
        return np.array([frames(size) for size in self.arrays.sizes.tolist()])

    def inputs(self, wave: Array, lengths: Array) -> Array:
        """What a network is given of samples `[B, n]`, int16, of which these are the first frames: `[T, B, 40]`.

        Each of the 40 mels is standardised by all frames that are trained on; zero past the lengths.
        """
        features = (log_mel(wave.astype(jnp.float32) / 2**15) - self.mean) / self.deviation
        own = jnp.arange(features.shape[1], dtype=jnp.int32)[:, None] < lengths
        return jnp.where(own[..., None], jnp.swapaxes(features, 0, 1), 0)

    def loudness(self, inputs: Array | np.ndarray) -> np.ndarray:
        """Mean over the mels of what a network is given, `[T, 40]` -> `[T]`, as it was before it was standardised."""
        return np.asarray(np.asarray(inputs) * self.deviation + self.mean).mean(axis=-1)


def table(split: str, path: str) -> Table:
    """The digits in one of their splits, or recordings of one's own.

    Raises:
      rnnx.data.DataError: they can't be had.
      ValueError: an unknown split, or one beside a path; a recording too short, or too few.
    """
    if path and split != "official":
        raise ValueError(f"split must be left out for recordings of one's own, which have no {split!r}.")
    if split not in ("official", *SPEAKERS):
        raise ValueError(f"split must be official or a speaker, {', '.join(SPEAKERS)}, not {split!r}.")
    return _table(read_recordings(path), "") if path else _table(_fsdd(), split)


@functools.cache
def _fsdd() -> Recordings:
    """The same whenever it is read: another one would have another hash, and be refused."""
    return fsdd()


@functools.lru_cache(maxsize=4)
def _table(recordings: Recordings, split: str) -> Table:
    """Of recordings of one's own where no split is named."""
    for one in recordings.recordings:
        if not frames(len(one.samples)):
            raise ValueError(f"{one.name} is too short: it has {len(one.samples)} samples, and a frame takes {WINDOW}.")
    part = np.array([_part(one.name, split) for one in recordings.recordings])
    train, heldout, test = (np.flatnonzero(part == name) for name in ("train", "heldout", "test"))
    for name, own in (("train", train), ("heldout", heldout), ("test", test)):
        if not own.size:
            raise ValueError(f"{recordings.name} has too few recordings: of {len(part)} there is none in part {name}.")
    classes = tuple(sorted({one.label for one in recordings.recordings}))
    sizes = np.array([len(one.samples) for one in recordings.recordings])
    of_train = np.concatenate([_spectrogram(recordings.recordings[n].samples) for n in train])
    arrays = Arrays(
        np.concatenate([one.samples for one in recordings.recordings]),
        np.cumsum(sizes) - sizes,
        sizes,
        np.array([classes.index(one.label) for one in recordings.recordings]),
    )
    return Table(recordings, arrays, classes, train, heldout, test, of_train.mean(axis=0), of_train.std(axis=0))


def _spectrogram(samples: np.ndarray) -> np.ndarray:
    """`[T, 40]`, in pieces of one size, of which one program does."""
    size = 64
    T = frames(len(samples))
    whole = np.zeros(samples_of(-(-T // size) * size), np.float32)
    whole[: len(samples)] = samples[: len(whole)].astype(np.float32) / 2**15
    pieces = [whole[HOP * t :][: samples_of(size)] for t in range(0, T, size)]
    return np.concatenate([np.asarray(_log_mel(piece)) for piece in pieces])[:T]


_log_mel = jax.jit(log_mel)


def _part(name: str, split: str) -> str:
    """The part of a recording, by its name."""
    if not split:
        share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % 10
        return {0: "test", 1: "heldout"}.get(share, "train")
    _, speaker, last = name.split("_")
    index = int(last.removesuffix(".wav"))
    if split == "official":
        return "test" if index < 5 else "heldout" if index < 10 else "train"
    return "test" if speaker == split else "heldout" if index < 5 else "train"
