"""A text as it stands, character by character or word by word, with what comes next in a box after it."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from rnnx.report.figures import _text
from rnnx.report.on_data import _cells
from rnnx.report.on_data._cells import Tints
from rnnx.types import Example

_ROWS = 6
"""At most; of a longer text the end is shown, which is nearest to what is predicted."""

_CELL, _ROW = 0.0935, 0.215  # inches of a character
_PAD = 0.05  # inches around them, for frames
_LETTER: dict[str, Any] = {
    "family": _text.FONT,
    "fontsize": 10.5,
    "ha": "center",
    "va": "baseline",
    "parse_math": False,
}
_MORE = "…"


def size(example: Example, width: float) -> tuple[float, float]:
    """As wide as the text is, at most."""
    rows = _rows(example, width)
    return _CELL * max(len(row) for row in rows) + 2 * _PAD, _ROW * len(rows) + 2 * _PAD


def draw(axes: Axes, example: Example, tints: Tints, left: float = 0) -> None:
    """One network: rows of characters, each tinted as the step that it belongs to, so many inches from the left."""
    end = len(tints.hatches)
    placed = [
        (character, step, np.array([left + _PAD + _CELL * x, _PAD + _ROW * y, _CELL, _ROW]))
        for y, row in enumerate(_rows(example, axes.get_xlim()[1] - left))
        for x, (character, step) in enumerate(row)
    ]
    read = [(step, np.add(box, [0, 0.01, 0, -0.02])) for _, step, box in placed if 0 <= step < end]
    steps = [step for step, _ in read]
    boxes = np.array([box for _, box in read])
    _cells.fill(axes, boxes, tints.colors[steps], [tints.hatches[step] for step in steps])
    for character, step, box in placed:
        dark = 0 <= step < end and _text.luminance(tints.colors[step]) < _text.DARK
        left, top, wide, tall = box
        if character != " ":
            color = "white" if dark else "black"
            axes.text(left + wide / 2, top + 0.72 * tall, _text.shown(character), color=color, **_LETTER)
        if step in example.marks:
            _cells.frame(axes, box, linewidth=1.8)
    predicted = np.array([box for _, step, box in placed if step == end])
    for y in np.unique(predicted[:, 1]):
        left, top, wide, tall = predicted[predicted[:, 1] == y][0]
        count = np.sum(predicted[:, 1] == y)
        _cells.box_scored(axes, np.array([left + 0.01, top + 0.01, count * wide + 0.01, tall - 0.02]))


def _rows(example: Example, width: float) -> list[list[tuple[str, int]]]:
    """Rows of (character, the step that it belongs to): -1 of the sign that there is more, and for what is predicted
    the number of steps."""
    most = round((width - 2 * _PAD) / _CELL - 0.49)  # of a row that is as wide as a text, all of it
    pieces = [*example.data["pieces"], example.data["target"].strip(" ") or " "]
    characters = [(character, step) for step, piece in enumerate(pieces) for character in piece]
    if len(characters) > most * _ROWS:
        characters = [(_MORE, -1), *characters[1 - most * _ROWS :]]
    return [characters[n : n + most] for n in range(0, len(characters), most)]
