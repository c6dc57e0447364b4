"""A picture, with the words that are written to it beside it, and what is looked at in it."""

import base64
import io
import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

from rnnx.report.on_data import text
from rnnx.report.on_data._cells import Tints
from rnnx.types import Example

_SIDE, _GAP = 1.0, 0.1  # inches of the longer side of the picture, and to the words
_VEIL = 0.75
"""How dark a place is that is not looked at."""


def size(example: Example, width: float) -> tuple[float, float]:
    """The picture, and the words in what is left of the width."""
    wide, tall = _size(pixels_of(example))
    words, high = text.size(example, width - wide - _GAP)
    return wide + _GAP + words, max(tall, high)


def draw(axes: Axes, example: Example, tints: Tints) -> None:
    """One network: the picture has no tint, since a network sees it before its first step."""
    pixels = pixels_of(example)
    wide, tall = _size(pixels)
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(pixels, extent=(0, wide, tall, 0), aspect="auto", interpolation="nearest")
    axes.set(xlim=limits[0], ylim=limits[1])
    axes.add_patch(Rectangle((0, 0), wide, tall, fill=False, edgecolor="0.6", linewidth=0.8, clip_on=False))
    text.draw(axes, example, tints, left=wide + _GAP)


def picture(axes: Axes, example: Example, weights: np.ndarray | None = None) -> None:
    """The picture by itself, the brighter a place the more it is looked at, relative to the place that is most.

    Weights `[S]` are those of a grid of places, row by row, as high for its width as the picture as nearly as can be.
    """
    pixels = pixels_of(example)
    tall, wide = pixels.shape[:2]
    extent = (0, wide, tall, 0)
    axes.imshow(pixels, extent=extent, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    if weights is None:
        return
    rows = min(
        (n for n in range(1, len(weights) + 1) if len(weights) % n == 0),
        key=lambda n: abs(math.log(n**2 / len(weights) * wide / tall)),
    )
    veil = np.zeros((rows, len(weights) // rows, 4))
    looked_at = np.nan_to_num(weights / np.max(weights))  # of a network that has diverged, nothing
    veil[..., 3] = _VEIL * (1 - looked_at).reshape(veil.shape[:2])
    axes.imshow(veil, extent=extent, interpolation="nearest")


def pixels_of(example: Example) -> np.ndarray:
    """Of the picture of an example, `[Y, X, 3]`, whole numbers up to 255."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(example.data["png"]))).convert("RGB"))


def _size(pixels: np.ndarray) -> tuple[float, float]:
    """Inches across and down."""
    tall, wide = pixels.shape[:2]
    return _SIDE * wide / max(tall, wide), _SIDE * tall / max(tall, wide)
