"""How long the gates would keep what they hold, beside the length of the task."""

import re
import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles, _trial
from rnnx.report.figures._style import LineStyle
from rnnx.report.statistics import MedianRange
from rnnx.report.study import Group, Study, with_tag
from rnnx.report.trial import Record

TITLE = "Time scales of the gates"

CAPTION = """
A gate that keeps a share f of the old state at every step forgets to 1/e of it in &minus;1/ln&nbsp;f steps: shown is
how many units have which time scale, in outline before training, filled at the last measurement. The dashed line is
the length of the task: a network whose units all lie far to the left of it does not remember its first step by its
gates alone.
"""

ORDER = 100

IN_TRAINING = False  # there they have their histograms

SUBJECT = "gates"

_TAG = "gates/{}/time_scale"
_RETENTION = "gates/{}/retention"
_LONG = 100.0  # times the length of the task: what keeps for longer keeps all
_TIME = "time scale −1/ln f (steps)"
_SHARE = "share of the units"
_COLOR = "#56B4E9"


def draw(study: Study, task: str) -> Figure | None:
    """Rows gates of the variants, columns lengths; first measurement in outline, last filled, the seeds together."""
    measured = {
        (group.variant, gate, group.length): with_tag([group], _TAG.format(gate))[0]
        for group in study.groups_of(task)
        for gate in _gates([record for trial in group.trials for record in (trial.first, trial.latest)])
    }
    if not measured:
        return None
    rows = list(dict.fromkeys((variant, gate) for variant, gate, _ in measured))
    lengths = sorted({length for _, _, length in measured})
    together = "units of all seeds together"
    title = _titles.title(f"{task}: time scales of the gates", list(measured.values()), few=together, many=together)
    made, panels = _style.grid(title, len(rows), len(lengths), row_height=2.0, sharex=True, sharey=True)
    line_styles = _style.variant_styles(study)
    for row, (variant, gate) in zip(panels, rows, strict=True):
        for axes, length in zip(row, lengths, strict=True):
            if (variant, gate, length) in measured:
                color = line_styles[variant].color
                _histograms(axes, measured[variant, gate, length], _TAG.format(gate), color)
            axes.axvline(length, color="black", linestyle="--", linewidth=1.2)
            name = textwrap.fill(f"{variant}: {gate}", 22)
            axes.set(xscale="log", xlabel=_TIME, ylabel=f"{name}\n{_SHARE}")
            axes.label_outer()
    for axes, length in zip(panels[0], lengths, strict=True):
        axes.set_title(f"T = {length}")
    panels[0, 0].set_xlim(*_extent([stairs for axes in panels.flat for stairs in axes.patches], lengths))
    _style.area_legend(made, {"last measurement": "0.6"}, {"before training": "-", "length T of the task": "--"})
    return made


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement: all gates' values, and of those that keep the old state their time scales and what is kept."""
    values = re.findall(r"^gates/(.+)/histogram$", "\n".join(record), re.MULTILINE)
    keeping = _gates([record])
    if not (values or keeping):
        return None
    made, axes = _trial.panels(title, bool(values) + 2 * bool(keeping))
    styles = _trial.line_styles(record, [*keeping, *(gate for gate in values if gate not in keeping)])
    if values:
        for gate in values:
            drawn = {"fill": False, "color": styles[gate].color, "linestyle": styles[gate].linestyle, "linewidth": 1.8}
            label = f"{gate}, mean {record[f'gates/{gate}/mean']:.2f}"
            _trial.shares(axes[0], record[f"gates/{gate}/histogram"], **drawn, label=label)
        axes[0].set(xlabel="value of a gate (0 closed, 1 open)", ylabel="share of units, steps and examples")
        axes[0].set(xlim=(0, 1), ylim=(0, None))
        axes[0].legend(fontsize="small")
    if keeping:
        _time_scales(axes[-2], record, {gate: styles[gate] for gate in keeping})
        _retentions(axes[-1], record, {gate: styles[gate] for gate in keeping})
    return made


def _time_scales(axes: Axes, record: Record, styles: dict[str, LineStyle]) -> None:
    """How many units keep for how long, up to what no longer matters for the length of the task."""
    length = len(record[_RETENTION.format(next(iter(styles)))])
    for gate, style in styles.items():
        drawn = {"edgecolor": style.color, "fill": True, "facecolor": to_rgba(style.color, 0.35)}
        label = f"{gate}{_beyond(record[_TAG.format(gate)], _LONG * length)}"
        _trial.shares(axes, record[_TAG.format(gate)], _steps, **drawn, linestyle=style.linestyle, label=label)
    low, high = _extent(list(axes.patches), [length])
    axes.axvline(length, color="black", linestyle="--", linewidth=1.2, label=f"length T = {length}")
    axes.set(xscale="log", xlabel=_TIME, ylabel=_SHARE, xlim=(low, min(high, _LONG * length)))
    axes.legend(fontsize="small")


def _beyond(histogram: dict[str, Any], end: float) -> str:
    """What is said of units that keep for longer than an axis goes; nothing where there are none."""
    counts, edges = np.asarray(histogram["counts"], float), _steps(np.asarray(histogram["edges"], float))
    share = float(counts[edges[:-1] >= end].sum()) / max(float(counts.sum()), 1.0)
    return f" ({share:.0%} further right)" if share else ""


def _retentions(axes: Axes, record: Record, styles: dict[str, LineStyle]) -> None:
    for gate, style in styles.items():
        kept = np.asarray(record[_RETENTION.format(gate)], float)
        _style.line(axes, np.arange(len(kept)), MedianRange(kept, kept, kept), style, label=gate)
    axes.set(xlabel="lag k (steps)", ylabel="log$_{10}$ of what the gate keeps for k steps")
    axes.legend(fontsize="small")


def _steps(edges: np.ndarray) -> np.ndarray:
    """Time scales of a record, in steps."""
    return 10.0**edges


def _gates(records: list[Record]) -> list[str]:
    """The gates whose time scales were measured, in the order of the cell."""
    tags = dict.fromkeys(tag for record in records for tag in record)
    return re.findall(f"^{_TAG.format('(.+)')}$", "\n".join(tags), re.MULTILINE)


def _histograms(axes: Axes, group: Group, tag: str, color: str) -> None:
    last = [trial.latest for trial in group.trials if tag in trial.latest]
    first = [trial.first for trial in group.trials if tag in trial.first]
    if last:
        axes.stairs(*_shares(last, tag), fill=True, color=color, alpha=0.6)
    if first:
        axes.stairs(*_shares(first, tag), color="black", linewidth=1.2)


def _extent(drawn: list[Any], lengths: list[int]) -> tuple[float, float]:
    """The time scales that there are, and the lengths, with room on both sides."""
    histograms = [stairs.get_data() for stairs in drawn]
    low = [edges[:-1][shares > 0] for shares, edges, _ in histograms]
    high = [edges[1:][shares > 0] for shares, edges, _ in histograms]
    return 0.5 * np.concatenate([*low, lengths]).min(), 2 * np.concatenate([*high, lengths]).max()


def _shares(records: list[Record], tag: str) -> tuple[np.ndarray, np.ndarray]:
    """Shares of all values that lie between edges, and the edges, in steps."""
    counts = np.sum([record[tag]["counts"] for record in records], axis=0)
    return counts / max(counts.sum(), 1), 10.0 ** np.asarray(records[0][tag]["edges"], float)
