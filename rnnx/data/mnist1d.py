"""MNIST-1D: ten shapes of twelve points, drawn out, moved, sheared and noisy, as 5000 sequences of 40 numbers.

Greydanus & Kobak 2020 (2024), "Scaling down deep learning with MNIST-1D". Nothing is downloaded: what is published is a
pickle, and a recipe from which the same numbers come. Of a shape p of mean 0 and variance 1 that begins at 0, over 6:

    x = p, then 36 … 60 zeros                                 brought to 72 points, as all below by straight lines
    x ← x · (1 ± 0.2), turned round by 0 … 47 points
    x ← x, or where it is zero N(0, 1/4) smoothed by a Gaussian of σ = 2;   x ← x + N(0, 0.02)
    x ← x - c · (-1/2 … 1/2), c within ± 3/8                  brought to 40 points

All are shuffled, and standardised by the mean and the standard deviation of all. NumPy's old generator, which does not
change, draws in the order of the recipe from the seed 42.
"""

import hashlib
import io
import zipfile
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from rnnx.data._store import Source, obtain, sha256

_PARTS = ("x", "y", "x_test", "y_test")
_CLASSES, _EACH, _TRAIN = 10, 500, 4000
_DRAWN_OUT, _LENGTH = 72, 40

_SHAPES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
"""What stands for each digit."""


class Sequences(NamedTuple):
    """The sequences of each part, `[N, 40]`, and their digits, `[N]`, with the sha256 of their numbers."""

    train: np.ndarray
    train_digits: np.ndarray
    test: np.ndarray
    test_digits: np.ndarray
    sha256: str


def mnist1d() -> Sequences:
    """MNIST-1D, 4000 sequences to train on and 1000 to test on; raises `DataError` if the file there is another one.

    >>> mnist1d().train.shape  # doctest: +SKIP
    (4000, 40)
    """
    train, train_digits, test, test_digits = _arrays(obtain(SOURCES[0]).content)
    return Sequences(train, train_digits, test, test_digits, SOURCES[0].sha256)


def generated() -> bytes:
    """The file that the recipe gives, a few tenths of a second of work."""
    random = np.random.RandomState(42)
    shapes = np.array(_SHAPES, float)
    shapes -= shapes.mean(axis=1, keepdims=True)
    shapes /= shapes.std(axis=1, keepdims=True)
    shapes = (shapes - shapes[:, :1]) / 6
    xs = np.stack([_drawn(shape, random) for shape in shapes for _ in range(_EACH)])
    order = random.permutation(len(xs))
    xs, ys = xs[order], np.repeat(np.arange(_CLASSES), _EACH)[order]
    xs = (xs - xs.mean()) / xs.std()
    content = io.BytesIO()
    parts = (xs[:_TRAIN], ys[:_TRAIN], xs[_TRAIN:], ys[_TRAIN:])
    np.savez_compressed(content, **dict(zip(_PARTS, parts, strict=True)))
    return content.getvalue()


def _drawn(shape: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """One sequence. Points of the shape are moved by 1e-8, so that none of them is zero."""
    x = _brought_to(_DRAWN_OUT, np.pad(shape + 1e-8, (0, 36 + int(random.rand() * 25))))
    x *= 1 + 0.4 * (random.rand() - 0.5)
    x = np.roll(x, random.choice(48))
    x = np.where(x != 0, x, gaussian_filter1d(0.25 * random.randn(_DRAWN_OUT), 2))
    x += 0.02 * random.randn(_DRAWN_OUT)
    x -= 0.75 * (random.rand() - 0.5) * np.linspace(-0.5, 0.5, _DRAWN_OUT)
    return _brought_to(_LENGTH, x)


def _brought_to(count: int, x: np.ndarray) -> np.ndarray:
    return np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(x)), x)


def _digest(content: bytes) -> str:
    """Of the numbers in millionths, which the last bits of no machine change; of the bytes if they are none."""
    try:
        arrays = _arrays(content)
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile):
        return sha256(content)
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.rint(1e6 * array).astype("<i8").tobytes())
    return digest.hexdigest()


def _arrays(content: bytes) -> tuple[np.ndarray, ...]:
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        return tuple(held[part] for part in _PARTS)


SOURCES = (
    Source(
        path="mnist1d/mnist1d.npz",
        sha256="56802e64dad12bbb5a7d0ced606041e9754aad9603cb1dc40816d6c208e83900",
        origin="the published recipe",
        download=generated,
        digest=_digest,
    ),
)
