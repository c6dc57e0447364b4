"""A recording as its loudness over time, each frame of which is tinted, with what was said after it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from rnnx.report.on_data import _cells
from rnnx.report.on_data._cells import Tints
from rnnx.types import Example

_FRAME = 0.09  # inches of a frame where there is room
_TALL = 0.55
_PAD = 0.05  # inches around them, for the box of what is scored
_CHARACTER = 0.1  # inches of what was said


def size(example: Example, width: float) -> tuple[float, float]:
    """As wide as the frames are, and what was said."""
    return min(width, _FRAME * example.steps[""] + _beside(example)), _TALL + 2 * _PAD


def draw(axes: Axes, example: Example, tints: Tints) -> None:
    """One network: tinted frames, and over them how loud it is, from the quietest to the loudest."""
    T = example.steps[""]
    wide = (axes.get_xlim()[1] - _beside(example)) / T
    left = _PAD + wide * np.arange(T)
    boxes = np.stack([left, np.full(T, _PAD), np.full(T, wide), np.full(T, _TALL)], axis=-1)
    _cells.fill(axes, boxes, *tints)
    _cells.frame(axes, np.array([_PAD, _PAD, wide * T, _TALL]), edgecolor="0.6", linewidth=0.6)
    loudness = np.asarray(example.data["loudness"], float)
    low, high = loudness.min(), loudness.max()
    share = (loudness - low) / (high - low) if high > low else np.zeros(T)
    line = _PAD + _TALL * (0.95 - 0.9 * share)
    around = [withStroke(linewidth=2.8, foreground="white")]
    axes.plot(left + wide / 2, line, color="black", linewidth=1.0, path_effects=around, zorder=3)
    _cells.box_scored(axes, np.add(boxes[example.scored], [-0.02, -0.03, 0.04, 0.06]))
    middle = _PAD + _TALL / 2
    axes.text(2 * _PAD + wide * T + 0.05, middle, example.data["target"], va="center", fontsize=11, parse_math=False)


def _beside(example: Example) -> float:
    """Inches that are not of frames."""
    return 3 * _PAD + _CHARACTER * (len(example.data["target"]) + 1)
