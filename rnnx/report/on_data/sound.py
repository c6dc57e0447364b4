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
    boxes = _cells.strip(axes, _PAD, _PAD, (wide, _TALL), tints)
    left = boxes[:, 0]
    loudness = np.asarray(example.data["loudness"], float)
    low, high = loudness.min(), loudness.max()
    share = (loudness - low) / (high - low) if high > low else np.zeros(T)
    line = _PAD + _TALL * (0.95 - 0.9 * share)
    around = [withStroke(linewidth=2.8, foreground="white")]
    axes.plot(left + wide / 2, line, color="black", linewidth=1.0, path_effects=around, zorder=3)
    _cells.box_cell(axes, boxes[example.scored])
    middle = _PAD + _TALL / 2
    axes.text(2 * _PAD + wide * T + 0.05, middle, example.data["target"], va="center", fontsize=11, parse_math=False)


def _beside(example: Example) -> float:
    """Inches that are not of frames."""
    return 3 * _PAD + _CHARACTER * (len(example.data["target"]) + 1)
