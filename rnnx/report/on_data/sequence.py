"""A sequence as a row of squares, one a step, with frames around the steps that matter."""

import numpy as np
from matplotlib.axes import Axes

from rnnx.report.on_data import _cells
from rnnx.report.on_data._cells import Tints
from rnnx.types import Example

_SQUARE = 0.24  # inches of a step, as wide as it is high where there is room
_PAD = 0.05  # inches around them, for frames
_NARROWEST = 0.12  # inches of a frame, of however thin a step
_BORDERED = 0.06  # inches of a step from which on there is room for a border


def size(example: Example, width: float) -> tuple[float, float]:
    """As wide as squares are, at most; in one row, however thin the steps then are."""
    return min(width, _SQUARE * example.steps[""] + 2 * _PAD), _SQUARE + 2 * _PAD


def draw(axes: Axes, example: Example, tints: Tints) -> None:
    """One row."""
    wide = (axes.get_xlim()[1] - 2 * _PAD) / example.steps[""]
    steps = np.arange(example.steps[""])
    boxes = np.stack(
        [_PAD + wide * steps, np.full(len(steps), _PAD), np.full(len(steps), wide), np.full(len(steps), _SQUARE)],
        axis=-1,
    )
    border = {"linewidths": 0.5, "edgecolors": "0.85"} if wide > _BORDERED else {"linewidths": 0}
    _cells.fill(axes, boxes, *tints, **border)
    if not border["linewidths"]:
        _cells.frame(axes, np.array([_PAD, _PAD, wide * len(steps), _SQUARE]), edgecolor="0.85", linewidth=0.5)
    for step in example.marks:
        left, top, _, tall = boxes[step]
        shown = max(wide, _NARROWEST)
        _cells.frame(axes, np.array([left + (wide - shown) / 2, top, shown, tall]), linewidth=2.0)
    _cells.box_scored(axes, np.add(boxes[example.scored], [-0.02, -0.04, 0.04, 0.08]))
