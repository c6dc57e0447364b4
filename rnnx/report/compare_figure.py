"""One metric of two studies: every seed in both, and the difference with its interval."""

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnx.report import style
from rnnx.report.compare import Row
from rnnx.report.compare_difference import Difference
from rnnx.report.spread import spread
from rnnx.report.style import Look

LOOKS = (Look("#0072B2", "-", "o"), Look("#D55E00", "-", "s"))
"""Of the first study and of the second: a filled circle and an open square, told apart in grey."""


def draw(rows: list[Row], names: tuple[str, str]) -> Figure:
    """A line for each group of a task: left both studies, right the difference."""
    made = style.figure(style.WIDTH, 1.7 + 0.42 * len(rows))
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


def _study(axes: Axes, at: float, row: Row, index: int) -> None:
    look, values = LOOKS[index], list(row.values[index].values())
    axes.plot(values, [at] * len(values), linestyle="", marker="|", color=look.color, markersize=7)
    axes.plot(float(spread(values).median), at, **_median(index))


def _median(index: int) -> dict[str, Any]:
    look = LOOKS[index]
    face = look.color if index == 0 else "white"
    return {"linestyle": "", "marker": look.marker, "markersize": 6.5, "color": look.color, "markerfacecolor": face}


def _difference(axes: Axes, at: float, row: Row) -> None:
    found = row.difference
    if not math.isnan(found.low):
        axes.plot([found.low, found.high], [at, at], color="black", linewidth=1.4)
    axes.plot(found.value, at, **_VERDICTS[_told(found)])


def _told(found: Difference) -> str:
    """What the marker of a difference says."""
    if found.verdict in ("higher", "lower"):
        return "distinguishable from seed noise"
    return found.verdict


_POINT = {"linestyle": "", "markersize": 6, "color": "black"}
_VERDICTS: dict[str, dict[str, Any]] = {
    "distinguishable from seed noise": _POINT | {"marker": "D", "markerfacecolor": "black"},
    "not distinguishable": _POINT | {"marker": "D", "markerfacecolor": "white"},
    "same": _POINT | {"marker": "|"},
    "too few seeds": _POINT | {"marker": "x"},
}


def _handles(rows: list[Row], names: tuple[str, str]) -> list[Line2D]:
    """Both studies, and the markers of those verdicts that there are."""
    there = {_told(row.difference) for row in rows}
    studies = [Line2D([], [], label=name, **_median(index)) for index, name in enumerate(names)]
    return studies + [Line2D([], [], label=told, **how) for told, how in _VERDICTS.items() if told in there]
