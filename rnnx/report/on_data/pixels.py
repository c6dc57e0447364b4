"""An image that is read in steps: itself, and beside it each pixel with the tint of the step at which it is read."""

import numpy as np
from contourpy import LineType, contour_generator
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from rnnx.report.on_data import _cells, image
from rnnx.report.on_data._cells import Tints
from rnnx.types import Example

_SIDE, _GAP, _PAD = 1.75, 0.12, 0.05  # inches of the longer side of each of the two, between them, and around for boxes
_CHARACTER = 0.1  # inches of what it is
_AROUND = np.array([-0.02, -0.02, 0.04, 0.04])  # inches by which a box is larger than what is in it


def size(example: Example, width: float) -> tuple[float, float]:
    """Two images side by side, and what it is; smaller where there is no room."""
    wide, tall = _each(np.shape(example.data["at"]), width - _beside(example))
    return 2 * wide + _beside(example), tall + 2 * _PAD


def draw(axes: Axes, example: Example, tints: Tints) -> None:
    """One network: the image, and its tinted pixels with the outline of the image upon them."""
    pixels, at = image.pixels_of(example)[..., 0].astype(float), np.asarray(example.data["at"])
    limits = axes.get_xlim(), axes.get_ylim()
    rows, columns = at.shape
    wide, tall = _each(at.shape, limits[0][1] - _beside(example))
    one, left = wide / columns, _PAD + wide + _GAP
    extent = (_PAD, _PAD + wide, _PAD + tall, _PAD)
    axes.imshow(pixels, extent=extent, aspect="auto", interpolation="nearest", cmap="gray_r")
    axes.add_patch(Rectangle((_PAD, _PAD), wide, tall, fill=False, edgecolor="0.6", linewidth=0.8, clip_on=False))
    y, x = (place.ravel() for place in np.indices(at.shape))
    boxes = np.stack([left + one * x, _PAD + one * y, np.full(at.size, one), np.full(at.size, one)], axis=-1)
    steps = at.ravel()
    _cells.fill(axes, boxes, tints.colors[steps], [tints.hatches[step] for step in steps], antialiaseds=False)
    axes.add_patch(Rectangle((left, _PAD), wide, tall, fill=False, edgecolor="0.6", linewidth=0.8, clip_on=False))
    if pixels.max() > pixels.min():
        centres = left + one * (np.arange(columns) + 0.5), _PAD + one * (np.arange(rows) + 0.5)
        around = [withStroke(linewidth=2.6, foreground="white")]
        made = contour_generator(*centres, pixels, line_type=LineType.Separate)
        for line in made.lines(np.mean([pixels.min(), pixels.max()])):
            axes.plot(*np.transpose(line), color="black", linewidth=1.1, path_effects=around, zorder=3)
    scored = boxes[steps == example.scored]
    first, last = scored[:, :2].min(axis=0), (scored[:, :2] + scored[:, 2:]).max(axis=0)
    together = len(scored) * one**2 > 0.99 * np.prod(last - first)
    for box in [np.concatenate([first, last - first])] if together else scored:
        _cells.box_scored(axes, box + _AROUND)
    axes.text(left + wide + 0.1, _PAD + tall / 2, example.data["target"], va="center", fontsize=11, parse_math=False)
    axes.set(xlim=limits[0], ylim=limits[1])


def _each(shape: tuple[int, ...], width: float) -> tuple[float, float]:
    """Inches across and down of one of the two, in so much room for both."""
    tall, wide = shape
    scale = min(_SIDE / max(tall, wide), width / 2 / wide)
    return scale * wide, scale * tall


def _beside(example: Example) -> float:
    """Inches that are not of the images."""
    return 2 * _PAD + _GAP + 0.1 + _CHARACTER * len(example.data["target"])
