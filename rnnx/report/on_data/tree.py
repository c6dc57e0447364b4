"""A tree, with its words below the leaves and its root, which is scored, at the top."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from rnnx.report.figures import _text
from rnnx.report.on_data import _cells
from rnnx.report.on_data._cells import Tints
from rnnx.types import Example

_NODE = 0.18  # inches of a node, a square
_LEVEL, _TALLEST = 0.36, 2.4  # inches from a node to its children, and of all levels at most
_WIDEST = 0.75  # inches from one leaf to the next
_CHARACTER = 0.075  # inches, in words
_PAD = 0.12


def size(example: Example, width: float) -> tuple[float, float]:
    """As wide as the leaves with their words are, at most; the words stand upright where they are longer than that."""
    x, level = places(example.data["children"])
    words = [len(word) for word in example.data["words"]] or [0]
    apart = min(_WIDEST, _CHARACTER * max(words) + 0.1, (width - 2 * _PAD) / (max(x) + 1))
    upright = _CHARACTER * max(words) + 0.1 > apart
    wide = max(apart * (max(x) + 1), _NODE) + 2 * _PAD
    below = _CHARACTER * max(words) + 0.05 if upright else 0.2
    return wide, _level(level) * max(level) + _NODE + below + 2 * _PAD


def draw(axes: Axes, example: Example, tints: Tints) -> None:
    """One network."""
    words, children = example.data["words"], example.data["children"]
    across, level = places(children)
    apart = (axes.get_xlim()[1] - 2 * _PAD) / (max(across) + 1)
    x = _PAD + apart * (np.array(across) + 0.5)
    # Leaves stand in one line, at the foot.
    inner = [pair != [-1, -1] for pair in children]
    deepest = max(level)
    y = (
        _PAD
        + _NODE / 2
        + _level(level) * np.array([n if branches else deepest for n, branches in zip(level, inner, strict=True)])
    )
    for node, pair in enumerate(children):
        for child in (child for child in pair if child >= 0):
            axes.plot([x[node], x[child]], [y[node], y[child]], color="0.6", linewidth=1.0, zorder=0)
    boxes = np.stack([x - _NODE / 2, y - _NODE / 2, np.full(len(x), _NODE), np.full(len(x), _NODE)], axis=-1)
    _cells.fill(axes, boxes, *tints, linewidths=0.8, edgecolors="0.4", zorder=2)
    for step in example.marks:
        _cells.frame(axes, boxes[step], linewidth=2.0)
    _cells.box_scored(axes, np.add(boxes[example.scored], [-0.04, -0.04, 0.08, 0.08]))
    for node in range(len(x)):
        _classes(axes, example, tints, node, (float(x[node]), float(y[node])))
    upright = _CHARACTER * max(map(len, words)) + 0.1 > apart + 1e-9
    for node, word in enumerate(words):
        rotation = 90 if upright else 0
        at = y[node] + _NODE / 2 + 0.04
        axes.text(x[node], at, word, ha="center", va="top", fontsize=8.5, rotation=rotation, parse_math=False)


def _classes(axes: Axes, example: Example, tints: Tints, node: int, at: tuple[float, float]) -> None:
    """In a node the sign of the class that is predicted, and beside it that of the true one, bold where they differ."""
    data, (x, y) = example.data, at
    place: dict[str, Any] = {"va": "center", "fontsize": 6.5, "zorder": 4, "parse_math": False}
    if "predicted" in data and "signs" in data:
        color = "white" if _text.luminance(tints.colors[node]) < _text.DARK else "black"
        axes.text(x, y, data["signs"][data["predicted"][node]], ha="center", color=color, **place)
    if data.get("classes") and data["classes"][node] >= 0:
        wrong = "predicted" in data and data["predicted"][node] != data["classes"][node]
        style: dict[str, Any] = {"fontweight": "bold", "color": "black"} if wrong else {"color": "0.45"}
        sign = data["signs"][data["classes"][node]]
        axes.text(x + _NODE / 2 + 0.06, y - _NODE / 2, sign, ha="left", **place, **style)


def _level(level: list[int]) -> float:
    """Inches from a node to its children."""
    return min(_LEVEL, _TALLEST / max(*level, 1))


def places(children: list[list[int]]) -> tuple[list[float], list[int]]:
    """Where each node stands from left to right, in leaves, a parent between its children; and how far it lies below
    the root.

    >>> places([[-1, -1], [-1, -1], [0, 1]])
    ([0, 1, 0.5], [1, 1, 0])
    """
    depth = [0] * len(children)
    for node in reversed(range(len(children))):  # parents come after their children
        for child in children[node]:
            if child >= 0:
                depth[child] = depth[node] + 1
    across = [0.0] * len(children)
    waiting, leaves = [len(children) - 1], 0
    while waiting:  # from the left, as the words stand
        node = waiting.pop()
        below = [child for child in children[node] if child >= 0]
        waiting += reversed(below)
        if not below:
            across[node], leaves = leaves, leaves + 1
    for node, pair in enumerate(children):
        middle = [across[child] for child in pair if child >= 0]
        if middle:
            across[node] = sum(middle) / len(middle)
    return across, depth
