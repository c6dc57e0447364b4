"""Images as sequences of pixels, or of so many pixels a step."""

from typing import NamedTuple

import numpy as np

from rnnx import examples
from rnnx.data._labelled_images import LabelledImages
from rnnx.tasks.images._classes import Sequences
from rnnx.types import Batch, Example


class Reading(NamedTuple):
    """In which order images of one size are read."""

    tall: int
    wide: int
    each: int = 1
    """Pixels a step."""
    order: np.ndarray | None = None
    """`[Y X]`, which pixel is read as the n-th, row after row; `None` where that is the n-th itself."""

    def part(self, images: LabelledImages) -> Sequences:
        """The sequences of images, `[N, T, I]`, and their classes."""
        pixels = images.pixels.reshape(len(images.pixels), -1)
        pixels = pixels if self.order is None else pixels[:, self.order]
        return Sequences(pixels.reshape(len(pixels), -1, self.each), images.labels)

    def example(self, batch: Batch) -> Example:
        """The first image of a batch, the right way round, and at which step each pixel of it was read."""
        count = self.tall * self.wide
        steps = count // self.each
        read = np.asarray(batch.inputs)[:steps, 0].reshape(-1)
        pixels, at = np.empty(count), np.empty(count, int)
        order = np.arange(count) if self.order is None else self.order
        pixels[order], at[order] = read, np.arange(count) // self.each
        shape = self.tall, self.wide
        label = int(np.asarray(batch.targets)[steps - 1, 0])
        return examples.pixels(pixels.reshape(shape), at.reshape(shape), str(label))
