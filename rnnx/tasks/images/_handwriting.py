"""Handwritten digits as the objects of a scene: of each there are many drawings, no two of them alike."""

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.data._labelled_images import LabelledImages
from rnnx.tasks.images._drawing import Kinds
from rnnx.tasks.images._parts import Part, part_of
from rnnx.types import Array

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def handwriting(digits: LabelledImages, part: Part) -> Kinds:
    """The digits of one part, each as wide and as high as an object is."""
    which = part_of(digits.labels, part)
    which = which[np.argsort(digits.labels[which], kind="stable")]  # all zeros, then all ones, …
    counts = np.bincount(digits.labels[which], minlength=len(WORDS))
    begins = np.cumsum(counts) - counts
    pixels, side = digits.pixels[which], digits.pixels.shape[-1]

    def covered(kind: Array, drawing: Array, y: Array, x: Array, r: Array) -> Array:
        begin, count = (jnp.asarray(of, jnp.int32)[kind] for of in (begins, counts))
        at = [(of / r + 1) * side / 2 - 0.5 for of in (y, x)]  # of the first pixel's middle, 0
        return jax.scipy.ndimage.map_coordinates(jnp.asarray(pixels)[begin + drawing % count], at, order=1)

    return Kinds(WORDS, covered)
