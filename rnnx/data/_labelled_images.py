"""Small grey images of known classes, a line each: the pixels by rows, and the class."""

import dataclasses
import gzip

import numpy as np

from rnnx.data._store import Source, obtain


@dataclasses.dataclass(frozen=True)
class LabelledImages:
    """Images in the order of their file; equal to others of the same name and bytes."""

    name: str
    """Of the data set."""
    sha256: str
    """Of the file, in hexadecimal."""
    pixels: np.ndarray = dataclasses.field(compare=False, repr=False)
    """`[N, Y, X]`, float32, from 0, which is the ground, to 1."""
    labels: np.ndarray = dataclasses.field(compare=False, repr=False)
    """`[N]`, whole numbers from 0 on."""


def read(name: str, source: Source, side: int, brightest: int) -> LabelledImages:
    """The images of a compressed file whose hash is right, and which therefore is one.

    Raises:
      DataError: the file can't be had.
    """
    lines = gzip.decompress(obtain(source).content).decode("ascii").splitlines()
    numbers = np.array([line.split(",") for line in lines], float)
    pixels = numbers[:, :-1].reshape(-1, side, side) / brightest
    return LabelledImages(name, source.sha256, pixels.astype(np.float32), numbers[:, -1].astype(int))
