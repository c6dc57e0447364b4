"""What pictures of one trial are made of: panels under its title, numbers on lines of their own, dots by name.

Its colour is that of its cell, as in every other figure; what it has several of differ in line and marker, the first in
that colour and the others in shades of grey. A record that does not say which cell it is of is drawn in black.
"""

import re
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report.figures import _style
from rnnx.report.trial import Record

_CHARACTERS = 10.5  # of a title, an inch
_GREYS = ("#000000", "#767676", "#4A4A4A", "#A0A0A0")


class NumberLine(NamedTuple):
    """A number, and what it is to be seen beside."""

    label: str
    """Name and unit."""
    value: float
    references: dict[str, float]
    """{what it would mean: where}, drawn as dashed lines; what has no place on the axis is left out."""
    scale: str = "linear"
    """Of the axis, `linear` or `log`."""


def panels(title: str, count: int = 1, *, height: float = 4.0, columns: int = 3) -> tuple[Figure, list[Axes]]:
    """So many panels in rows under one title, which is broken where the figure ends."""
    columns = min(columns, count)
    rows = -(-count // columns)
    width = max(6.4, 4.6 * columns)
    made = _style.figure(width, rows * (height - 0.4) + 0.4)
    made.set_layout_engine("constrained", h_pad=0.08)  # between the title and those of panels
    made.suptitle(textwrap.fill(title, int(_CHARACTERS * width)), fontsize=11.5)
    axes = list(made.subplots(rows, columns, squeeze=False).flat)
    for unused in axes[count:]:
        unused.remove()
    for one in axes[:count]:
        one.grid(alpha=0.3)
    return made, axes[:count]


def color(record: Record) -> str:
    """Of the cell that a record is of."""
    return _style.cell_color(str(record.get("cell.name")))


def line_styles(record: Record, labels: list[str]) -> dict[str, _style.LineStyle]:
    """A line style for each label, the first in the colour of the cell and the others in grey."""
    greys = [grey for grey in _GREYS if grey != color(record)]
    first, *others = _style.line_styles(labels).items()
    styles = [(label, style._replace(color=greys[n % len(greys)])) for n, (label, style) in enumerate(others)]
    return dict([(first[0], first[1]._replace(color=color(record))), *styles])


def number_lines(record: Record, title: str, lines: list[NumberLine]) -> Figure:
    """Each number as a diamond on a line of its own, beside its references."""
    made, axes = panels(title, len(lines), height=2.3, columns=1)
    for one, (label, value, references, scale) in zip(axes, lines, strict=True):
        one.set(xlabel=label, xscale=scale, ylim=(-1, 1), yticks=[])
        for side in ("left", "right", "top"):
            one.spines[side].set_visible(False)
        on_axis = bool(np.isfinite(value)) and (scale == "linear" or value > 0)
        one.set_xlim(_limits([*references.values(), *([value] if on_axis else [])], scale))
        before = -np.inf
        for name, at in sorted(references.items(), key=lambda reference: reference[1]):
            place = float(one.transAxes.inverted().transform(one.transData.transform((at, 0)))[0])
            one.axvline(at, color="0.35", linestyle="--", linewidth=1.2)
            _beside(one, at, -0.95 if place - before > 0.3 else -0.6, name)
            before = place
        if on_axis:
            one.plot([value], [0.1], "D", color=color(record), markersize=9, label=label)
            _beside(one, value, 0.35, f"{value:.3g}", weight="bold")
        else:
            one.text(0.5, 0.6, f"the value is {_said(value)}", transform=one.transAxes, ha="center", weight="bold")
    return made


def dots(record: Record, title: str, label: str, values: dict[str, float]) -> Figure:
    """A dot for each name, the first on top; a logarithm of exactly zero has none, and is told."""
    made, (axes,) = panels(title, height=1.6 + 0.32 * len(values))
    known = {row: value for row, value in enumerate(values.values()) if np.isfinite(value)}
    axes.plot(list(known.values()), list(known), "o", color=color(record), markersize=8)
    for row, (name, value) in enumerate(values.items()):
        if row not in known:
            axes.text(0.02, row, f"{name} is {_said(value)}", transform=axes.get_yaxis_transform(), va="center")
    axes.set(xlabel=label, yticks=range(len(values)), yticklabels=list(values), ylim=(len(values) - 0.4, -0.6))
    axes.set_xlim(_limits(list(known.values()), "linear"))
    return made


def by_name(record: Record, tag: str) -> dict[str, float]:
    """The numbers of a record whose tags differ in what `{}` stands for, by that.

    >>> by_name({"a/x/norm": 1.0, "a/y/norm": 2.0, "a/y/cosine": 3.0}, "a/{}/norm")
    {'x': 1.0, 'y': 2.0}
    """
    found = ((re.fullmatch(tag.format("(.+)"), name), value) for name, value in record.items())
    return {match[1]: float(value) for match, value in found if match}


def shares(axes: Axes, histogram: dict[str, Any], scale: Callable = np.asarray, **style: Any) -> None:
    """A histogram of a record as shares of all that it counts; `scale` is applied to its edges."""
    counts = np.asarray(histogram["counts"], float)
    axes.stairs(counts / max(counts.sum(), 1), scale(np.asarray(histogram["edges"], float)), **style)


def _beside(axes: Axes, x: float, y: float, text: str, **others: Any) -> None:
    """A text at a place, to the side on which there is more room."""
    left = axes.transAxes.inverted().transform(axes.transData.transform((x, 0)))[0] > 0.5
    offset, side = ((-5, 0), "right") if left else ((5, 0), "left")
    axes.annotate(text, (x, y), offset, textcoords="offset points", ha=side, **others)


def _limits(values: list[float], scale: str) -> tuple[float, float]:
    """What holds all values, with room at both ends."""
    if not values:
        return (0.1, 10.0) if scale == "log" else (-1.0, 1.0)
    low, high = min(values), max(values)
    if scale == "log":
        room = 0.5 + 0.1 * np.log10(high / low)
        return low / 10**room, high * 10**room
    room = 0.12 * (high - low) or 0.5
    return low - room, high + room


def _said(value: float) -> str:
    """What is not on an axis."""
    if np.isnan(value):
        return "not a number"
    return "exactly 0" if value in (0, -np.inf) else f"{value:.3g}" if np.isfinite(value) else "infinite"
