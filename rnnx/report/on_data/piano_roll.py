"""Music as the keys that sound in each frame, which is tinted, the lowest key at the bottom."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patheffects import withStroke

from rnnx.keyboard import Keyboard
from rnnx.report.on_data import _cells
from rnnx.report.on_data._cells import Tints
from rnnx.types import Example

_FRAME, _KEY = 0.12, 0.035  # inches of a frame where there is room, and of a key
_LABEL, _PAD = 0.35, 0.05  # inches for the names of keys, and around all for the box of what is scored
_MARGIN = 2  # keys beyond the lowest and the highest that sound


def size(example: Example, width: float) -> tuple[float, float]:
    """As wide as the frames are, and as high as the keys between the lowest and the highest that sound."""
    low, high = _range(example)
    return min(width, _FRAME * example.steps[""] + _LABEL + 2 * _PAD), _KEY * (high - low + 1) + 2 * _PAD


def draw(axes: Axes, example: Example, tints: Tints) -> None:
    """One network: tinted frames, and in them the keys that sound."""
    T, (low, high) = example.steps[""], _range(example)
    tall = _KEY * (high - low + 1)
    left = _LABEL + _PAD
    wide = (axes.get_xlim()[1] - left - _PAD) / T
    at = left + wide * np.arange(T)
    boxes = np.stack([at, np.full(T, _PAD), np.full(T, wide), np.full(T, tall)], axis=-1)
    _cells.fill(axes, boxes, *tints)
    _cells.frame(axes, np.array([left, _PAD, wide * T, tall]), edgecolor="0.6", linewidth=0.6)

    def height(key: int) -> float:
        return _PAD + _KEY * (high - key + 0.5)

    notes = [
        [(at[t], height(key)), (at[t] + wide, height(key))]
        for t, keys in enumerate(example.data["sounding"])
        for key in keys
    ]
    around = [withStroke(linewidth=3.2, foreground="white")]
    axes.add_collection(LineCollection(notes, colors="black", linewidths=1.8, path_effects=around, zorder=3))
    keyboard = Keyboard.from_dict(example.data["keyboard"])
    for key in range(low, high + 1):
        if keyboard.name(key).rstrip("0123456789") == "C":
            axes.text(
                left - 0.06, height(key), keyboard.name(key), ha="right", va="center", fontsize=7, parse_math=False
            )
    _cells.box_scored(axes, np.add(boxes[example.scored], [-0.02, -0.03, 0.04, 0.06]))


def _range(example: Example) -> tuple[int, int]:
    """The lowest and the highest key that is drawn, an octave at least."""
    keys = [key for keys in example.data["sounding"] for key in keys] or [example.data["keyboard"]["keys"] // 2]
    low, high = min(keys) - _MARGIN, max(keys) + _MARGIN
    return low, max(high, low + 12)
