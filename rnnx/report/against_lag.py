"""The gradient of the loss with respect to the state, against lag: the picture that this project is about."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report import style, titles
from rnnx.report.spread import Spread, spread
from rnnx.report.study import Group, Study
from rnnx.report.trial import Record, curve, number

_LAG = "lag k (steps)"
_RATIO = "log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"

_REFERENCES = {"1/e: the horizon": "--", "1.2·10$^{-7}$: float32 rounding": ":"}
_RATE = "mean_field/rate"
_THEORY = (0, (4, 3))
_LOWEST = -10.0  # what is far below rounding needs no room

Lines = dict[tuple[str, str], style.Look]
"""What is drawn: (variant, part of the state), where the part `state` is the whole."""


def draw_longest(study: Study) -> Figure:
    """The whole state at the longest length of every task, before and after training."""
    title = titles.title("How far back does the gradient reach?", list(study.groups))
    made, panels = style.grid(title, len(study.tasks), 2, row_height=3.4)
    lines = {(variant, "state"): look for variant, look in style.looks(study.variants).items()}
    for row, task in zip(panels, study.tasks, strict=True):
        length = study.lengths(task)[-1]
        _rows(study, task, row[:, None], [length], lines)
        for axes in row:
            axes.set_title(f"{task}, {axes.get_title()}")
    style.legend(made, _labels(lines), _references(lines, study.groups))
    return made


def draw(study: Study, task: str) -> Figure:
    """The whole state: rows before and after training, columns lengths."""
    looks = style.looks(study.variants)
    lines = {(variant, "state"): looks[variant] for variant in study.variants_of(task)}
    return _draw(study, task, "how far back the gradient reaches", lines)


def draw_parts(study: Study, task: str) -> Figure | None:
    """The parts of those states that have several, `h` and `c` of an LSTM; `None` where there is no such state."""
    found = {
        group.variant: parts(trial.before) for group in study.groups_of(task) for trial in group.trials if trial.before
    }
    labels = [(variant, part) for variant, several in found.items() if len(several) > 1 for part in several]
    looks = style.looks(study.variants)
    lines = {
        (variant, part): look._replace(color=looks[variant].color)
        for (variant, part), look in zip(labels, style.looks([str(label) for label in labels]).values(), strict=True)
    }
    return _draw(study, task, "through which part of the state the gradient travels", lines) if lines else None


def relative(record: Record, length: int, part: str = "state") -> np.ndarray:
    """log10 of ‖∂L/∂s_{T-k}‖ / ‖∂L/∂s_T‖ against k, `[T]`: a part of the state over the whole state.

    Where ∂L/∂s_T is exactly zero, the first lag that has a gradient takes its place, as in the horizon's definition.
    """
    whole = curve(record, "state_gradient/state/log10_norm", length)
    known = whole[~np.isneginf(whole)]
    return curve(record, f"state_gradient/{part}/log10_norm", length) - (known[0] if len(known) else np.nan)


def _draw(study: Study, task: str, subject: str, lines: Lines) -> Figure:
    variants = {variant for variant, _ in lines}
    lengths = [T for T in study.lengths(task) if any(g.variant in variants for g in study.groups_of(task, T))]
    title = titles.title(f"{task}: {subject}", study.groups_of(task))
    made, panels = style.grid(title, 2, len(lengths), sharex="col")
    _rows(study, task, panels, lengths, lines)
    for axes in panels.flat:
        axes.label_outer()
    style.legend(made, _labels(lines), _references(lines, study.groups_of(task)))
    return made


def _rows(study: Study, task: str, panels: np.ndarray, lengths: list[int], lines: Lines) -> None:
    """Draw before (first row) and after training (second row), a column a length, all to one scale."""
    drawn = []
    for column, length in zip(panels.T, lengths, strict=True):
        groups = study.groups_of(task, length)
        for axes, (when, what) in zip(column, titles.when(groups).items(), strict=True):
            style.reference(axes, -np.log10(np.e), "--")
            style.reference(axes, np.log10(np.finfo(np.float32).eps), ":")
            for group in groups:
                for (variant, part), look in lines.items():
                    if variant == group.variant:
                        drawn.append(_line(axes, group, when, part, look))
                        if part == "state":
                            _theory(axes, group, when, look)
            axes.set(title=f"T = {length}, {what}", xlabel=_LAG, ylabel=_RATIO)
    for axes in panels.flat:
        axes.set_ylim(_limits(drawn))


def _line(axes: Axes, group: Group, when: str, part: str, look: style.Look) -> Spread:
    curves = spread([relative(getattr(trial, when), trial.length, part) for trial in group.trials])
    style.line(axes, np.arange(group.length), curves, look)
    return curves


def _theory(axes: Axes, group: Group, when: str, look: style.Look) -> None:
    """What mean-field theory predicts: a straight line from lag 0, with an open marker of the variant on it."""
    rate = float(spread([number(getattr(trial, when), _RATE) for trial in group.trials]).median) / np.log(10)
    if np.isfinite(rate):
        end = min(group.length - 1, _LOWEST / rate if rate < 0 else np.inf)
        axes.plot([0, end], [0, rate * end], linestyle=_THEORY, color=look.color, linewidth=1.2)
        axes.plot([end / 2], [rate * end / 2], look.marker, color=look.color, markerfacecolor="white", markersize=7)


def _references(lines: Lines, groups: Iterable[Group]) -> dict[str, Any]:
    records = [record for group in groups for trial in group.trials for record in (trial.before, trial.after)]
    there = any(part == "state" for _, part in lines) and any(_RATE in record for record in records)
    return _REFERENCES | ({"mean-field theory (open marker: of which variant)": _THEORY} if there else {})


def _limits(curves: list[Spread]) -> tuple[float, float]:
    """Limits of the y axis that show all curves as far down as it matters."""
    values = np.concatenate([np.zeros(1), *(np.ravel(bound) for over_seeds in curves for bound in over_seeds)])
    known = values[np.isfinite(values)]
    return max(min(known.min(), -1.0) - 0.3, _LOWEST), known.max() + 0.5


def _labels(lines: Lines) -> dict[str, style.Look]:
    return {variant if part == "state" else f"{variant}: {part}": look for (variant, part), look in lines.items()}


def parts(record: Record) -> list[str]:
    """The parts of the state that a record tells about, such as `h` and `c`, without the whole."""
    found = re.findall(r"^state_gradient/(.+)/log10_norm$", "\n".join(record), re.MULTILINE)
    return sorted((part for part in found if part != "state"), reverse=True)


def draw_trial(title: str, before: dict[str, Any], now: dict[str, Any]) -> Figure:
    """One trial: median over the batch with its quartiles, for each part of the state, now and before training.

    `before` and `now` are records of `metrics.jsonl`.
    """
    figure = style.figure(6.4, 4.0)
    axes = figure.subplots()
    for part, look in style.looks(parts(now)).items():
        tag = f"state_gradient/{part}/log10_norm"
        over_batch = Spread(*(np.asarray(now[name], float) for name in (tag, f"{tag}_q25", f"{tag}_q75")))
        lag = np.arange(len(over_batch.median))
        style.line(axes, lag, over_batch, look, label=f"{part}, step {now['step']}")
        first = np.asarray(before[tag], float)
        style.line(
            axes, lag, Spread(first, first, first), look, label=f"{part}, before training", linestyle=":", marker=""
        )
    if np.isfinite(number(now, _RATE)):
        start, end = now["state_gradient/state/log10_norm"][0], len(lag) - 1
        theory = [start, start + now[_RATE] * end / np.log(10)]
        axes.plot([0, end], theory, linestyle=_THEORY, color="black", label=f"mean-field theory, step {now['step']}")
    axes.set(xlabel="lag k (steps before the scored one)", ylabel="log$_{10}$ ‖∂L/∂s$_{T-k}$‖", title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
