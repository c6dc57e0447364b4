"""Series over time as curves over their window, each step of which is tinted, with the values that follow on it."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from rnnx.report.on_data import _cells
from rnnx.report.on_data._cells import Tints
from rnnx.types import Example

_STEP = 0.09  # inches of a step where there is room
_TALL = 0.8
_PAD = 0.05  # inches around them, for the box of what is scored
_AHEAD = 0.45  # inches between the window and what follows on it
_CHARACTER, _LINE = 0.075, 0.16  # inches of a letter, and between two names
_DASHES = ("-", (0, (4, 1.2)), (0, (1, 1)), (0, (5, 1, 1, 1)))


def size(example: Example, width: float) -> tuple[float, float]:
    """As wide as the steps are, what follows on them and the names."""
    return min(width, _STEP * example.steps[""] + _beside(example)), _TALL + 2 * _PAD + 0.12


def draw(axes: Axes, example: Example, tints: Tints) -> None:
    """One network: tinted steps, over them the curves, each from its lowest to its highest value, and after them the
    values that are to be told."""
    T = example.steps[""]
    wide = (axes.get_xlim()[1] - _beside(example)) / T
    boxes = _cells.strip(axes, _PAD, _PAD, (wide, _TALL), tints)
    left = boxes[:, 0]
    around = [withStroke(linewidth=2.6, foreground="white")]
    end = _PAD + wide * T
    ends = []
    targets = example.data["targets"]
    for n, (name, curve) in enumerate(zip(example.data["names"], example.data["values"], strict=True)):
        values = np.asarray([*curve, *targets[n : n + 1]], float)
        low, high = values.min(), values.max()
        share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
        height = _PAD + _TALL * (0.94 - 0.88 * share)
        style: dict[str, Any] = {"color": "black", "linestyle": _DASHES[n % len(_DASHES)]}
        axes.plot(left + wide / 2, height[:T], linewidth=1.0, path_effects=around, zorder=3, **style)
        axes.plot([left[-1] + wide / 2, end + _AHEAD], height[[T - 1, -1]], linewidth=0.6, zorder=2.9, **style)
        if len(values) > T:
            axes.plot([end + _AHEAD], height[-1:], "o", color="black", markersize=4, markerfacecolor="white", zorder=3)
        ends.append((height[-1], name))
    place = -np.inf
    for height, name in sorted(ends):
        place = max(place + _LINE, height)
        axes.text(end + _AHEAD + 0.12, place, name, va="center", fontsize=8.5, parse_math=False)
    middle = _PAD + _TALL + 0.09
    axes.text(end + _AHEAD, middle, example.data["ahead"], ha="center", va="center", fontsize=7.5, parse_math=False)
    _cells.box_cell(axes, boxes[example.scored])


def _beside(example: Example) -> float:
    """Inches that are not of steps."""
    letters = max(map(len, example.data["names"]))
    after = max(0.12 + _CHARACTER * letters, _CHARACTER * len(example.data["ahead"]) / 2)
    return 2 * _PAD + _AHEAD + after
