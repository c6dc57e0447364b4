"""Music as the keys that sound in each frame, which is tinted, the lowest key at the bottom."""

import itertools

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patheffects import withStroke

from rnnx.keyboard import Keyboard
from rnnx.report.on_data import _cells
from rnnx.report.on_data._cells import Tints
from rnnx.types import Example

_FRAME, _KEY = 0.12, 0.035  # inches of a frame where there is room, and of a key
_LABEL, _PAD = 0.35, 0.05  # inches for the names of keys, and around all for the box of what is scored


def size(example: Example, width: float) -> tuple[float, float]:
    """As wide as the frames are, and as high as the keys between the lowest and the highest that sound."""
    keys, _ = _view(example)
    return min(width, _FRAME * example.steps[""] + _LABEL + 2 * _PAD), _KEY * len(keys) + 2 * _PAD


def draw(axes: Axes, example: Example, tints: Tints) -> None:
    """One network: tinted frames, and in them the keys that sound."""
    keys, octaves = _view(example)
    left = _LABEL + _PAD
    wide = (axes.get_xlim()[1] - left - _PAD) / example.steps[""]
    boxes = _cells.strip(axes, left, _PAD, (wide, _KEY * len(keys)), tints)
    at = boxes[:, 0]

    def height(key: int) -> float:
        return _PAD + _KEY * (keys[-1] - key + 0.5)

    notes = [
        [(at[t], height(key)), (at[t] + wide, height(key))]
        for t, sounding in enumerate(example.data["sounding"])
        for key in sounding
    ]
    around = [withStroke(linewidth=3.2, foreground="white")]
    axes.add_collection(LineCollection(notes, colors="black", linewidths=1.8, path_effects=around, zorder=3))
    for key, name in octaves.items():
        axes.text(left - 0.06, height(key), name, ha="right", va="center", fontsize=7, parse_math=False)
    _cells.box_cell(axes, boxes[example.scored])


def _view(example: Example) -> tuple[range, dict[int, str]]:
    """The keys that are drawn, and the names of some."""
    sounding = itertools.chain.from_iterable(example.data["sounding"])
    return Keyboard.from_dict(example.data["keyboard"]).view(sounding)
