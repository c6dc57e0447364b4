"""The picture: how far back the gradient reaches, and how much of it is old, for each task and network."""

from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import ScalarFormatter

from rnnx.report.figures import _style
from rnnx.report.statistics import MedianRange
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow
from rnnx.report.words import CALLED
from scripts.all_tasks.groups import HEADINGS, OF_ALL_STEPS, groups

_ROW, _GAP = 0.26, 1.4  # inches of a row, and rows that a heading takes
_MARKERS = {"rnn": "o", "lstm": "s", "gru": "^", "recursive": "D", "rntn": "v", "tree_lstm": "P"}
_OFFSETS = {"rnn": -0.22, "lstm": 0.0, "gru": 0.22, "recursive": -0.22, "rntn": 0.0, "tree_lstm": 0.22}
_GREY = "0.35"

Line = list[SummaryRow]
"""One task, or one part of the model for it, by all networks."""


def picture(read: Study) -> Figure:
    """A line for each task, or for each part of a model; where a network reaches the farthest comes first."""
    blocks = {heading: lines for heading, rows in groups(read).items() if (lines := _lines(rows))}
    height = sum(len(lines) + _GAP for lines in blocks.values())
    made = _style.figure(_style.WIDTH, height * _ROW + 1.7)
    made.suptitle(
        "What tasks ask of memory: gradient of the loss after training, median and range of seeds", fontsize=11.5
    )
    reach, older = made.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    y, ticks = 0.0, {}
    for heading, lines in blocks.items():
        y += _GAP
        reach.annotate(
            heading,
            (0, y - 0.8),
            (-6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            fontweight="bold",
            fontsize=9.5,
        )
        for label, line in lines.items():
            ticks[y] = label
            if heading != HEADINGS["trees"] and not _part(line[0]):  # where it is depth, or of a length of its own
                reach.plot([line[0].group.length - 1], [y], marker="|", color=_GREY, markersize=9)
            _points(reach, line, y, lambda row: row.of("reach"))
            _points(older, line, y, lambda row: row.of("older"))
            y += 1
    reach.set_yticks(list(ticks), list(ticks.values()), fontsize=8.5)
    reach.set_ylim(y - 0.3, 0.2)
    reach.set_xscale("symlog", linthresh=1, linscale=0.4)
    reach.set_xlim(-0.3, 300)
    reach.set_xticks([0, 1, 2, 5, 10, 20, 50, 100, 200])
    reach.xaxis.set_major_formatter(ScalarFormatter())
    reach.set_xlabel("reach: the largest lag (steps; of trees, of depth) with 1 % of the gradient left")
    older.set_xlim(-0.03, 1.03)
    older.set_xlabel("share of ∂L/∂W from more than ten steps back")
    for axes in (reach, older):
        axes.grid(alpha=0.3)
        axes.tick_params(axis="y", length=0)
    _legend(made, read)
    return made


def _lines(rows: list[SummaryRow]) -> dict[str, Line]:
    """Those of one task and part side by side, by what they are called, the longest reach falling."""
    found: dict[str, Line] = {}
    for row in rows:
        if row.group.trials[0].settings["task.name"] in OF_ALL_STEPS:
            continue
        found.setdefault(", ".join(filter(None, (row.group.task, _part(row)))).replace("_", " "), []).append(row)
    return dict(sorted(found.items(), key=lambda item: -_reach(item[1])))


def _reach(line: Line) -> float:
    """Of the network that reaches the farthest among those that have learned; of none, below all others."""
    return max((float(row.of("reach").median) for row in line if _learned(row)), default=-1.0)


def _part(row: SummaryRow) -> str:
    return row.group.variant.partition("part ")[2].removesuffix(")")


def _learned(row: SummaryRow) -> bool:
    return 2 * row.reached > row.seeds


def _points(axes: Axes, line: Line, y: float, of: Callable[[SummaryRow], MedianRange]) -> None:
    for row in line:
        cell = str(row.group.trials[0].settings["cell.name"])
        middle, low, high = of(row)
        color, at = _style.cell_color(cell), y + _OFFSETS.get(cell, 0.0)
        face = color if _learned(row) else "white"
        axes.plot([low, high], [at, at], color=color, linewidth=1.2)
        axes.plot([middle], [at], marker=_MARKERS.get(cell, "X"), color=color, markerfacecolor=face, markersize=5)


def _legend(made: Figure, read: Study) -> None:
    cells = dict.fromkeys(str(trial.settings["cell.name"]) for trial in read.trials)
    handles = [
        Line2D(
            [],
            [],
            color=_style.cell_color(cell),
            marker=_MARKERS.get(cell, "X"),
            markersize=5,
            label=CALLED.get(cell, cell),
        )
        for cell in cells
    ]
    handles += [
        Line2D(
            [],
            [],
            color=_GREY,
            marker="o",
            linestyle="",
            markerfacecolor="white",
            label="most seeds not a tenth better than without memory",
        ),
        Line2D([], [], color=_GREY, marker="|", linestyle="", markersize=9, label="first step, T − 1 back"),
    ]
    made.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8.5)
