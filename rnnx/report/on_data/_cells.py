"""Tinted cells: how strong a gradient is at a step, as colour and hatching, and the frames around some of them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

SHADES = LinearSegmentedColormap.from_list("gradient", ["#FFFFFF", "#FBD3B4", "#E5819B", "#9A3D9A", "#3F1470"])
"""From nothing to all of it, with a lightness that falls throughout: told apart by the colour-blind, and in grey. It is
the colour of no cell."""

NORM = Normalize(-4, 0)
"""log10; what is below has no colour."""

EXPLODING = float(np.log10(np.e))
"""log10 of what is more than there was, as in the share of exploding examples."""

EXPLODED = "black"

ZERO, NOTHING, MORE = "////", "xxxx", "\\\\\\\\"
"""Hatching of exactly zero, of what is not a number, and of what is more than there was."""

HATCHED = {ZERO: "0.6", NOTHING: "0.3", MORE: "0.6"}
"""Their colours."""

BOX = (0, (2, 1))
"""Dashes around what is scored."""


class Tints(NamedTuple):
    """How the steps are tinted."""

    colors: np.ndarray
    """[steps, 4]."""
    hatches: list[str]
    """Of each step; empty where its colour says all."""


def tints(relative: np.ndarray) -> Tints:
    """The tints of log10 of a gradient over that at the scored step, `[steps]`.

    >>> made = tints(np.array([0.0, -9.0, -np.inf, np.nan]))
    >>> made.colors[1].tolist(), made.hatches
    ([1.0, 1.0, 1.0, 1.0], ['', '', '////', 'xxxx'])
    """
    shades = SHADES.with_extremes(under="white", bad="white")
    colors = shades(NORM(np.ma.masked_invalid(np.minimum(relative, 0))))
    colors[relative > EXPLODING] = (0, 0, 0, 1)
    hatches = np.select([np.isneginf(relative), np.isnan(relative), relative > EXPLODING], [ZERO, NOTHING, MORE], "")
    return Tints(colors, hatches.tolist())


def fill(axes: Axes, boxes: np.ndarray, colors: np.ndarray, hatches: Iterable[str], **edges: Any) -> None:
    """Fill boxes `[n, 4]` (left, top, width, height, in inches)."""
    left, top, wide, tall = np.asarray(boxes, float).reshape(-1, 4).T
    corners = np.stack(
        [
            np.stack([left, top], -1),
            np.stack([left + wide, top], -1),
            np.stack([left + wide, top + tall], -1),
            np.stack([left, top + tall], -1),
        ],
        axis=1,
    )
    axes.add_collection(PolyCollection(list(corners), facecolors=colors, **({"linewidths": 0} | edges)), autolim=False)
    for box, hatch in zip(boxes, hatches, strict=True):
        if hatch:
            color = HATCHED[hatch]
            axes.add_patch(
                Rectangle(box[:2], *box[2:], fill=False, hatch=hatch, edgecolor=color, linewidth=0, zorder=2.5)
            )


def strip(axes: Axes, left: float, top: float, cell: tuple[float, float], tints: Tints) -> np.ndarray:
    """Fill a framed row of cells that are of one size (width, height): their boxes `[steps, 4]`, all in inches."""
    (wide, tall), steps = cell, len(tints.colors)
    at = left + wide * np.arange(steps)
    boxes = np.stack([at, np.full(steps, top), np.full(steps, wide), np.full(steps, tall)], axis=-1)
    fill(axes, boxes, *tints)
    frame(axes, np.array([left, top, wide * steps, tall]), edgecolor="0.6", linewidth=0.6)
    return boxes


def box_cell(axes: Axes, box: np.ndarray) -> None:
    """The dashed box around the cell of a row that is scored, a little larger than that."""
    box_scored(axes, np.add(box, [-0.02, -0.03, 0.04, 0.06]))


def frame(axes: Axes, box: np.ndarray, **line: Any) -> None:
    """A frame around a box, with a white line around it where all is dark."""
    left, top, wide, tall = box
    outline = [withStroke(linewidth=line["linewidth"] + 1.2, foreground="white")]
    style = {"edgecolor": "black", "path_effects": outline} | line
    axes.add_patch(Rectangle((left, top), wide, tall, fill=False, clip_on=False, zorder=3, **style))


def box_scored(axes: Axes, box: np.ndarray) -> None:
    """The dashed box around what is scored."""
    frame(axes, box, linestyle=BOX, linewidth=1.4)
