"""How figures look: a variant has one colour, line and marker, told apart in grey and by the colour-blind."""

import io
import textwrap
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rnnx.report.statistics import MedianRange

WIDTH = 12.0
"""Inches of a figure of the page; at some 1100 pixels a point of type is then 1.3 pixels high."""


class LineStyle(NamedTuple):
    """Colour (of Okabe & Ito's palette), line and marker, and how far into its period the first marker stands."""

    color: str
    linestyle: Any
    marker: str
    first: float = 0.0


_LINE_STYLES = (
    LineStyle("#D55E00", "-", "o"),
    LineStyle("#0072B2", "--", "s"),
    LineStyle("#009E73", "-.", "^"),
    LineStyle("#000000", ":", "D"),
    LineStyle("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"),
    LineStyle("#E69F00", (0, (8, 3)), "P"),
    LineStyle("#56B4E9", (0, (1, 3)), "X"),
)


def line_styles(labels: list[str]) -> dict[str, LineStyle]:
    """A line style for each label, in order; beyond seven the colours come again with another line and marker.

    >>> [style.marker for style in line_styles(["rnn", "lstm"]).values()]
    ['o', 's']
    """
    made = {}
    for index, label in enumerate(labels):
        turn, place = divmod(index, len(_LINE_STYLES))
        other = _LINE_STYLES[(place + turn) % len(_LINE_STYLES)]
        # Markers of lines that lie on each other stand side by side.
        made[label] = LineStyle(_LINE_STYLES[place].color, other.linestyle, other.marker, first=index / len(labels))
    return made


def figure(width: float, height: float) -> Figure:
    """A figure of a size in inches, drawn without a display and without pyplot's global state."""
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def grid(title: str, rows: int, columns: int, *, row_height: float = 2.9, **shared: Any) -> tuple[Figure, np.ndarray]:
    """A figure of panels under one title, and its axes `[rows, columns]`."""
    made = figure(WIDTH, rows * row_height + 1.2)
    made.suptitle("\n".join(textwrap.fill(part, 140) for part in title.split("\n")), fontsize=11.5)
    axes = made.subplots(rows, columns, squeeze=False, **shared)
    for panel in axes.flat:
        panel.grid(alpha=0.3)
    return made, axes


def line(
    axes: Axes, x: np.ndarray, over_seeds: MedianRange, style: LineStyle, *, markers: int = 6, **others: Any
) -> None:
    """Median as a line with some markers, range as a band; -inf (a gradient of exactly zero) and NaN leave a gap."""
    middle, low, high = (np.where(np.isfinite(values), values, np.nan) for values in over_seeds)
    every = max(1, -(-len(x) // markers))
    drawn = {"linestyle": style.linestyle, "marker": style.marker, "markersize": 4.5} | others
    axes.plot(x, middle, color=style.color, markevery=(int(style.first * every), every), **drawn)
    axes.fill_between(x, low, high, color=style.color, alpha=0.2, linewidth=0)


def reference(axes: Axes, y: float, linestyle: str, label: str = "") -> None:
    """A thin grey horizontal line that variants are seen against."""
    axes.axhline(y, color="0.35", linewidth=1.0, linestyle=linestyle, label=label or None)


def legend(made: Figure, shown: dict[str, LineStyle], references: dict[str, Any] | None = None) -> None:
    """One legend under all panels: the variants, and what the reference lines mean (label: line style)."""
    handles = [
        Line2D([], [], color=style.color, linestyle=style.linestyle, marker=style.marker, markersize=5, label=label)
        for label, style in shown.items()
    ]
    for label, linestyle in (references or {}).items():
        handles.append(Line2D([], [], color="0.35", linewidth=1.0, linestyle=linestyle, label=label))
    rows = -(-sum(len(str(handle.get_label())) + 9 for handle in handles) // 115)
    columns = -(-len(handles) // rows)
    made.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=4, frameon=False)


def area_legend(made: Figure, shown: dict[str, Any], lines: dict[str, Any]) -> None:
    """One legend under all panels: filled areas (label: colour) and black lines (label: line style)."""
    areas = [Patch(facecolor=color, edgecolor="0.35", linewidth=0.5, label=label) for label, color in shown.items()]
    drawn = [Line2D([], [], color="black", linestyle=linestyle, label=label) for label, linestyle in lines.items()]
    made.legend(handles=[*areas, *drawn], loc="outside lower center", ncols=8, frameon=False)


def png(drawn: Figure, dpi: int = 110) -> bytes:
    """The bytes of a PNG file."""
    buffer = io.BytesIO()
    drawn.set_dpi(dpi)
    FigureCanvasAgg(drawn).print_png(buffer)  # `savefig` would draw twice
    return buffer.getvalue()
