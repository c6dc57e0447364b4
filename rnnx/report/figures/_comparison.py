"""One metric of two studies: every seed in both, and the difference with its interval."""

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnx.report.comparison import ComparisonRow
from rnnx.report.figures import _style
from rnnx.report.figures._style import LineStyle
from rnnx.report.statistics import Difference, median_range

LINE_STYLES = (LineStyle("#0072B2", "-", "o"), LineStyle("#D55E00", "-", "s"))
"""Of the first study and of the second: a filled circle and an open square, told apart in grey."""


def draw(rows: list[ComparisonRow], names: tuple[str, str]) -> Figure:
    """A line for each group of a task: left both studies, right the difference."""
    made = _style.figure(_style.WIDTH, 1.7 + 0.42 * len(rows))
    made.suptitle(f"{rows[0].group.task}: {rows[0].metric.name}", fontsize=11.5)
    values, differences = made.subplots(1, 2, sharey=True)
    for at, row in enumerate(rows):
        for index, aside in enumerate((-0.16, 0.16)):
            _study(values, at + aside, row, index)
        _difference(differences, at, row)
    labels = [f"{row.group.variant}, T = {row.group.length}" for row in rows]
    values.set_yticks(range(len(rows)), labels)
    values.set_ylim(len(rows) - 0.5, -0.5)
    values.set(xlabel=rows[0].title, title="median and every seed")
    differences.set(xlabel=f"difference, {names[1]} − {names[0]}", title="difference and 95 % interval")
    differences.axvline(0, color="0.35", linewidth=1.0, linestyle="--")
    for axes in (values, differences):
        axes.grid(axis="x", alpha=0.3)
        for at in range(1, len(rows)):
            axes.axhline(at - 0.5, color="0.9", linewidth=0.6)
    made.legend(handles=_handles(rows, names), loc="outside lower center", ncols=5, frameon=False)
    return made


def _study(axes: Axes, at: float, row: ComparisonRow, index: int) -> None:
    style, values = LINE_STYLES[index], list(row.values[index].values())
    axes.plot(values, [at] * len(values), linestyle="", marker="|", color=style.color, markersize=7)
    axes.plot(float(median_range(values).median), at, **_median(index))


def _median(index: int) -> dict[str, Any]:
    style = LINE_STYLES[index]
    face = style.color if index == 0 else "white"
    return {"linestyle": "", "marker": style.marker, "markersize": 6.5, "color": style.color, "markerfacecolor": face}


def _difference(axes: Axes, at: float, row: ComparisonRow) -> None:
    difference = row.difference
    if not math.isnan(difference.low):
        axes.plot([difference.low, difference.high], [at, at], color="black", linewidth=1.4)
    axes.plot(difference.value, at, **_VERDICTS[_marker_label(difference)])


def _marker_label(difference: Difference) -> str:
    """What the marker of a difference says."""
    if difference.verdict in ("higher", "lower"):
        return "distinguishable from seed noise"
    return difference.verdict


_POINT = {"linestyle": "", "markersize": 6, "color": "black"}
_VERDICTS: dict[str, dict[str, Any]] = {
    "distinguishable from seed noise": _POINT | {"marker": "D", "markerfacecolor": "black"},
    "not distinguishable": _POINT | {"marker": "D", "markerfacecolor": "white"},
    "same": _POINT | {"marker": "|"},
    "equal within rounding": _POINT | {"marker": "+"},
    "too few seeds": _POINT | {"marker": "x"},
}


def _handles(rows: list[ComparisonRow], names: tuple[str, str]) -> list[Line2D]:
    """Both studies, and the markers of those verdicts that there are."""
    shown = {_marker_label(row.difference) for row in rows}
    studies = [Line2D([], [], label=name, **_median(index)) for index, name in enumerate(names)]
    return studies + [Line2D([], [], label=label, **how) for label, how in _VERDICTS.items() if label in shown]
