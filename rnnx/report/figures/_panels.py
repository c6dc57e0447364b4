"""Curves of measurements that not every study takes: a panel per quantity, for a study and for one measurement.

A study has a row per curve and a line per variant, before training and at the last measurement. One measurement has
the curves of a panel together, each with its quartiles over the batch where there are any.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles, _trial
from rnnx.report.statistics import MedianRange, of_seeds
from rnnx.report.study import Study, longest, with_tag
from rnnx.report.trial import Record


class Panel(NamedTuple):
    """Curves with one pair of axes."""

    x: str
    """Name and unit of what the curves go along."""
    y: str
    """Name and unit of the values."""
    curves: dict[str, str]
    """{label: tag}; an empty label where there is one curve that `y` names."""
    first: int = 0
    """The x of the first value."""
    references: tuple[tuple[str, float, str], ...] = ()
    """(label, y, line style) of horizontal lines."""


class Drawn(NamedTuple):
    """A figure of a study with its panels, for what a measurement adds to it."""

    figure: Figure
    axes: dict[tuple[str, str], Axes]
    """By tag and `first` or `latest`."""


def draw(study: Study, task: str, subject: str, panels: tuple[Panel, ...], row_height: float = 2.4) -> Drawn | None:
    """Rows curves, columns before training and at the last measurement, at the longest length that was measured.

    `None` if no trial of the task has the first curve.
    """
    (first, *_) = panels[0].curves.values()
    groups = longest(with_tag(study.groups_of(task), first))
    if not groups:
        return None
    stages = _titles.stage_labels(groups, first)
    rows = [(panel, label, tag) for panel in panels for label, tag in panel.curves.items()]
    title = _titles.title(f"{task}, T = {groups[0].length}: {subject}", groups)
    made, axes = _style.grid(title, len(rows), len(stages), row_height=row_height, sharey="row")
    line_styles = {
        variant: style for variant, style in _style.variant_styles(study).items() if variant in _variants(groups)
    }
    for one, what in zip(axes[0], stages.values(), strict=True):
        one.set_title(what)
    for row, (panel, label, tag) in zip(axes, rows, strict=True):
        for one, stage in zip(row, stages, strict=True):
            for group in groups:
                values = of_seeds(group.trials, stage, tag)
                if values is not None:
                    _style.seeds(one, panel.first + np.arange(values.shape[1]), values, line_styles[group.variant])
            _label(one, panel, "\n".join(filter(None, (label, panel.y))))
            if one is not row[0]:
                one.set_ylabel("")
    _style.label_ends(axes[:, -1], line_styles)
    _style.legend(made, line_styles, {label: line for panel in panels for label, _, line in panel.references})
    placed = {
        (tag, stage): one
        for row, (_, _, tag) in zip(axes, rows, strict=True)
        for one, stage in zip(row, stages, strict=True)
    }
    return Drawn(made, placed)


def draw_trial(record: Record, title: str, panels: tuple[Panel, ...]) -> Figure | None:
    """One measurement, a panel beside the other; `None` if it has none of the curves."""
    measured = [(panel, curves) for panel in panels if (curves := list(_curves(record, panel)))]
    if not measured:
        return None
    made, drawn = _trial.panels(title, len(measured), columns=2 if len(measured) == 4 else 3)
    for axes, (panel, curves) in zip(drawn, measured, strict=True):
        line_styles = _trial.line_styles(record, [label for label, _ in curves])
        for label, curve in curves:
            _style.line(axes, panel.first + np.arange(len(curve.median)), curve, line_styles[label], label=label)
        _label(axes, panel, panel.y)
        if len(curves) > 1 or panel.references:
            axes.legend()
    return made


def _curves(record: Record, panel: Panel) -> Iterator[tuple[str, MedianRange]]:
    """Median and quartiles; where there are no quartiles, the curve alone."""
    for label, tag in panel.curves.items():
        if tag in record:
            low, high = (record.get(f"{tag}_{quartile}", record[tag]) for quartile in ("q25", "q75"))
            yield label, MedianRange(*(np.asarray(bound, float) for bound in (record[tag], low, high)))


def _label(axes: Axes, panel: Panel, y: str) -> None:
    axes.set(xlabel=panel.x, ylabel=y)
    for label, at, line in panel.references:
        _style.reference(axes, at, line, label=label)


def _variants(groups: list[Any]) -> set[str]:
    return {group.variant for group in groups}
