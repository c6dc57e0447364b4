"""The gradient of the loss with respect to the state, against lag: the picture that this project is about."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles, _trial
from rnnx.report.statistics import MedianRange, median_range
from rnnx.report.study import Group, Study
from rnnx.report.trial import Record, curve, number

TITLE = "The gradient against lag"

CAPTION = """
<strong>Lag</strong> k counts steps back from the last scored step T, and of a tree the levels below its root.
<strong>Shown:</strong> log<sub>10</sub> of the norm of &part;L/&part;s<sub>T&minus;k</sub>, where s is the whole state,
over the norm at lag 0, so that all curves start at 0 and a network is not called better for having a larger error.
<strong>Dashed line:</strong> 1&nbsp;%; the <strong>reach</strong> is the largest lag at which a curve is still above
it. <strong>Dash-dotted line:</strong> 1/e, the same for the <strong>horizon</strong>, which an LSTM may have at 0
though it keeps the rest for long. <strong>Dotted line:</strong> the resolution of float32; what comes from further
below is about lost in rounding when it is added to the contribution of the last step. Axes end at
10<sup>&minus;10</sup>. A curve that ends within the axes has become exactly zero: below the smallest float32 number.
The <strong>decay rate</strong> is the slope of ln&nbsp;&Vert;&part;L/&part;s<sub>T&minus;k</sub>&Vert; over k, by least
squares over all lags with a gradient; a curve that bends has a slope that depends on T. Where <strong>mean-field
theory</strong> was measured, the straight dashed line from lag 0 in the colour of its variant, with an open marker, is
what it predicts for a wide random network with these weights: above or below it, training has made something that
randomness has not.
"""

ORDER = 10

PICTURE = "against_lag"

SUBJECT = "gradient against lag"

HEADLINE = """
How strongly the loss at the last scored step T still depends on the state k steps earlier: the norm of
&part;L/&part;s<sub>T&minus;k</sub> over that of &part;L/&part;s<sub>T</sub>, on a logarithmic scale, for the longest
sequences. A flat curve keeps the gradient; a straight line going down is exponential vanishing; a line going up is
explosion. Each line is a seed, and of that the median over a held-out batch; from five seeds on it is their median,
with a band from the lowest to the highest.
"""

_RATIO = "log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"

_REACHED = 0.01  # the share of the gradient that `reach` asks for
_REFERENCES = {
    "1 %: the reach": (float(np.log10(_REACHED)), "--"),
    "1/e: the horizon": (-float(np.log10(np.e)), "-."),
    "1.2·10$^{-7}$: float32 rounding": (float(np.log10(np.finfo(np.float32).eps)), ":"),
}
_WHOLE = "state_gradient/state/log10_norm"
_RATE = "mean_field/rate"
_THEORY = (0, (4, 3))
_LOWEST = -10.0  # what is far below rounding needs no room

Lines = dict[tuple[str, str], _style.LineStyle]
"""What is drawn: (variant, part of the state), where the part `state` is the whole."""


def draw_longest(study: Study) -> Figure:
    """The whole state at the longest length of every task, before and after training."""
    title = _titles.title("How far back does the gradient reach?", list(study.groups))
    made, panels = _style.grid(title, len(study.tasks), 2, row_height=3.4)
    lines = {(variant, "state"): style for variant, style in _style.variant_styles(study).items()}
    for row, task in zip(panels, study.tasks, strict=True):
        length = study.lengths(task)[-1]
        _rows(study, task, row[:, None], [length], lines)
        for axes in row:
            axes.set_title(f"{task.replace('_', ' ')}, {axes.get_title()}")
    _style.label_ends(panels[:, -1], _labels(lines))
    _style.legend(made, _labels(lines), _references(lines, study.groups))
    return made


def draw(study: Study, task: str) -> Figure:
    """The whole state: rows before and after training, columns lengths."""
    line_styles = _style.variant_styles(study)
    lines = {(variant, "state"): line_styles[variant] for variant in study.variants_of(task)}
    return draw_lines(study, task, "how far back the gradient reaches", lines)


def relative(record: Record, length: int, part: str = "state") -> np.ndarray:
    """log10 of ‖∂L/∂s_{T-k}‖ / ‖∂L/∂s_T‖ against k, `[T]`: a part of the state over the whole state.

    Where ∂L/∂s_T is exactly zero, the first lag that has a gradient takes its place, as in the horizon's definition.
    """
    whole = curve(record, "state_gradient/state/log10_norm", length)
    known = whole[~np.isneginf(whole)]
    return curve(record, f"state_gradient/{part}/log10_norm", length) - (known[0] if len(known) else np.nan)


def draw_lines(study: Study, task: str, subject: str, lines: Lines) -> Figure:
    """Rows before and after training, columns lengths; the lines of those variants alone that are among `lines`."""
    variants = {variant for variant, _ in lines}
    lengths = [T for T in study.lengths(task) if any(g.variant in variants for g in study.groups_of(task, T))]
    title = _titles.title(f"{task}: {subject}", study.groups_of(task))
    made, panels = _style.grid(title, 2, len(lengths), sharex="col")
    _rows(study, task, panels, lengths, lines)
    for axes in panels.flat:
        axes.label_outer()
    _style.label_ends(panels[:, -1], _labels(lines))
    _style.legend(made, _labels(lines), _references(lines, study.groups_of(task)))
    return made


def _rows(study: Study, task: str, panels: np.ndarray, lengths: list[int], lines: Lines) -> None:
    """Draw before (first row) and after training (second row), a column a length, all to one scale."""
    drawn: list[np.ndarray] = []
    for column, length in zip(panels.T, lengths, strict=True):
        groups = study.groups_of(task, length)
        for axes, (stage, label) in zip(column, _titles.stage_labels(groups).items(), strict=True):
            for height, linestyle in _REFERENCES.values():
                _style.reference(axes, height, linestyle)
            for group in groups:
                for (variant, part), style in lines.items():
                    if variant == group.variant:
                        drawn.append(_line(axes, group, stage, part, style))
                        if part == "state":
                            _theory(axes, group, stage, style)
            axes.set(title=f"T = {length}, {label}", xlabel=_titles.lag(groups), ylabel=_RATIO)
    for axes in panels.flat:
        axes.set_ylim(_limits(drawn))


def _line(axes: Axes, group: Group, stage: str, part: str, style: _style.LineStyle) -> np.ndarray:
    curves = np.array([relative(getattr(trial, stage), trial.length, part) for trial in group.trials])
    _style.seeds(axes, np.arange(group.length), curves, style)
    return curves


def _theory(axes: Axes, group: Group, stage: str, style: _style.LineStyle) -> None:
    """What mean-field theory predicts: a straight line from lag 0, with an open marker of the variant on it."""
    rate = float(median_range([number(getattr(trial, stage), _RATE) for trial in group.trials]).median) / np.log(10)
    if np.isfinite(rate):
        end = min(group.length - 1, _LOWEST / rate if rate < 0 else np.inf)
        axes.plot([0, end], [0, rate * end], linestyle=_THEORY, color=style.color, linewidth=1.2)
        axes.plot([end / 2], [rate * end / 2], style.marker, color=style.color, markerfacecolor="white", markersize=7)


def _references(lines: Lines, groups: Iterable[Group]) -> dict[str, Any]:
    records = [record for group in groups for trial in group.trials for record in (trial.before, trial.after)]
    measured = any(part == "state" for _, part in lines) and any(_RATE in record for record in records)
    references = {label: linestyle for label, (_, linestyle) in _REFERENCES.items()}
    return references | ({"mean-field theory (open marker: of which variant)": _THEORY} if measured else {})


def _limits(curves: list[np.ndarray]) -> tuple[float, float]:
    """Limits of the y axis that show all curves as far down as it matters."""
    values = np.concatenate([np.zeros(1), *map(np.ravel, curves)])
    known = values[np.isfinite(values)]
    return max(min(known.min(), -1.0) - 0.3, _LOWEST), known.max() + 0.5


def _labels(lines: Lines) -> dict[str, _style.LineStyle]:
    return {variant if part == "state" else f"{variant}: {part}": style for (variant, part), style in lines.items()}


def parts(record: Record) -> list[str]:
    """The parts of the state that a record tells about, such as `h` and `c`, without the whole."""
    names = re.findall(r"^state_gradient/(.+)/log10_norm$", "\n".join(record), re.MULTILINE)
    return sorted((part for part in names if part != "state"), reverse=True)


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement and the one before training, on an axis that is the same at every step."""
    if _WHOLE not in record:
        return None
    made, (axes,) = _trial.panels(title)
    against_lag(axes, record, before, when=f", step {record['step']}" if "step" in record else "")
    axes.set_ylim(_LOWEST, max(1.0, axes.get_ylim()[1]))
    return made


def against_lag(axes: Axes, record: Record, before: Record | None = None, when: str = "") -> None:
    """Each part of the state over the whole at lag 0: median over examples with quartiles, and that before training."""
    drawn = []
    for part, style in _trial.line_styles(record, parts(record)).items():
        over_batch = _relative(record, part)
        lag = np.arange(len(over_batch.median))
        _style.line(axes, lag, over_batch, style, label=f"{part}{when}")
        drawn.append(over_batch)
        if before and f"state_gradient/{part}/log10_norm" in before:
            first = _relative(before, part)
            first = first._replace(low=first.median, high=first.median)
            _style.line(axes, lag, first, style, label=f"{part}, before training", linestyle=":", marker="")
            drawn.append(first)
    end = len(record[_WHOLE]) - 1
    if np.isfinite(number(record, _RATE)):
        theory = [0, record[_RATE] * end / np.log(10)]
        axes.plot([0, end], theory, linestyle=_THEORY, color="black", label=f"mean-field theory{when}")
    _style.reference(axes, np.log10(_REACHED), "--", label="1 %: the reach")
    _style.reference(axes, np.log10(np.finfo(np.float32).eps), ":", label="float32 rounding")
    axes.set(
        xlabel="lag k (steps before the scored one)",
        ylabel=_RATIO,
        ylim=_limits([np.asarray(curves) for curves in drawn]),
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _relative(record: Record, part: str) -> MedianRange:
    """Median and quartiles over the batch, all over the median of the whole state at lag 0, as in `relative`."""
    whole = np.asarray(record[_WHOLE], float)
    known = whole[~np.isneginf(whole)]
    tag = f"state_gradient/{part}/log10_norm"
    curves = (np.asarray(record[name], float) for name in (tag, f"{tag}_q25", f"{tag}_q75"))
    with np.errstate(invalid="ignore"):  # where it is infinite
        return MedianRange(*(values - (known[0] if len(known) else np.nan) for values in curves))
