"""Nodes and arrows of a graph, on axes whose units are inches."""

import re
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from rnnx.report.figures import _style

NODE = 0.44
"""Inches of a side."""

GREY = "0.3"

Point = tuple[float, float]


def colors_of(cells: dict[str, str]) -> dict[str, str]:
    """A colour for each part, from the call of its cell: that of the cell, in shades where several have the same."""
    base = {name: _color(cell) for name, cell in cells.items()}
    made = {}
    for name, color in base.items():
        alike = [other for other, own in base.items() if own == color]
        made[name] = _style.shade(color, 0.6 * alike.index(name) / max(1, len(alike) - 1))
    return made


def of_lines(color: str) -> str:
    """A colour, or where it is too light for lines and letters a darker one."""
    return color if dark(color) else _style.shade(color, -0.3)


def _color(cell: str) -> str:
    """Of the innermost cell that has one."""
    named = [color for name, color in _style.CELL_COLORS.items() if re.search(rf"\b{name}\(", cell)]
    return named[0] if named else _style.cell_color(cell)


def dark(color: str) -> bool:
    """Whether letters on it are to be white."""
    return float(np.dot(to_rgb(color), (0.299, 0.587, 0.114))) < 0.58


def box(axes: Axes, x: float, y: float, text: str, *, face: Any, edge: Any, width: float = NODE, **others: Any) -> None:
    """A box with rounded corners, of a state or an output."""
    height = others.pop("height", NODE)
    size = others.pop("fontsize", 10.5)
    corner = (x - width / 2 + 0.04, y - height / 2 + 0.04)
    style = {"linewidth": 1.4, "zorder": 4} | others
    shape = f"round,pad=0.04,rounding_size={0.08 if height > 0.3 else 0.05}"
    axes.add_patch(FancyBboxPatch(corner, width - 0.08, height - 0.08, shape, facecolor=face, edgecolor=edge, **style))
    ink = "white" if dark(face) else "black"
    axes.text(x, y - 0.01, text, ha="center", va="center", fontsize=size, color=ink, zorder=6, linespacing=0.95)


def disc(axes: Axes, x: float, y: float, text: str, *, face: Any = "white", **others: Any) -> None:
    """A circle, white for what enters and black for a loss."""
    radius, size = others.pop("radius", NODE / 2), others.pop("fontsize", 10.5)
    style = {"linewidth": 1.2, "edgecolor": "black", "zorder": 4} | others
    axes.add_patch(Circle((x, y), radius, facecolor=face, **style))
    ink = "white" if dark(face) else "black"
    axes.text(x, y - 0.01, text, ha="center", va="center", fontsize=size, color=ink, zorder=6)


def arrow(axes: Axes, points: list[Point], color: Any = GREY, *, bent: float = 0, **others: Any) -> None:
    """An arrow along straight lines, or from the first point to the second in a bow; white around where it crosses."""
    style: dict[str, Any] = {"linewidth": 1.3, "zorder": 3, "arrowstyle": "-|>", "mutation_scale": 10} | others
    around = [withStroke(linewidth=style["linewidth"] + 2.6, foreground="white")]
    color = of_lines(color)
    lines = {"shrinkA": 0, "shrinkB": 0, "color": color, "joinstyle": "round", "path_effects": around} | style
    if bent:
        lines["connectionstyle"] = f"arc3,rad={bent}"
        axes.add_patch(FancyArrowPatch(*points, **lines))
    else:
        axes.add_patch(FancyArrowPatch(path=Path(points), **lines))


def rise(axes: Axes, start: Point, end: Point, color: str, *, beside: float = 0) -> None:
    """From the middle of one node to that of another above, or past what stands between, so far beside it."""
    half = NODE / 2 + 0.03
    (x, y), (to, up) = start, end
    points = [(x, y + half), (to, up - half)]
    if beside:
        way = x + beside
        points = [(x, y + half), (way, y + half + 0.14), (way, up - half - 0.16), (to, up - half)]
    arrow(axes, points, color)


def letter(axes: Axes, x: float, y: float, text: str, color: str, size: float = 9, **others: Any) -> None:
    """The name of a weight matrix."""
    write(axes, x, y, text, color=color, fontsize=size, fontstyle="italic", fontweight="bold", **others)


def loop(axes: Axes, x: float, y: float, side: int, color: Any) -> None:
    """From a node's side, at x, back to it."""
    out = x + 0.62 * side
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    path = Path([(x, y + 0.1), (out, y + 0.52), (out, y - 0.52), (x + 0.02 * side, y - 0.12)], codes)
    axes.add_patch(
        FancyArrowPatch(
            path=path, arrowstyle="-|>", mutation_scale=10, color=of_lines(color), linewidth=1.6, zorder=3, fill=False
        )
    )


def write(axes: Axes, x: float, y: float, text: str, **others: Any) -> None:
    """A label, with white around it where it lies on a line."""
    others |= {"color": of_lines(others["color"])} if "color" in others else {}
    style: dict[str, Any] = {"fontsize": 9, "color": GREY, "ha": "center", "va": "center", "zorder": 5} | others
    axes.text(x, y, text, path_effects=[withStroke(linewidth=2.5, foreground="white")], **style)
