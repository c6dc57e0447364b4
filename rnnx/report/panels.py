"""Curves of measurements that not every study takes: a panel per quantity, for a study and for one measurement.

A study has a row per curve and a line per variant, before training and at the last measurement. One measurement has
the curves of a panel together, each with its quartiles over the batch where there are any.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report import style, titles
from rnnx.report.spread import Spread, over_seeds
from rnnx.report.study import Study, having, longest


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
    groups = longest(having(study.groups_of(task), first))
    if not groups:
        return None
    moments = titles.moments(groups, first)
    rows = [(panel, label, tag) for panel in panels for label, tag in panel.curves.items()]
    title = titles.title(f"{task}, T = {groups[0].length}: {subject}", groups)
    made, axes = style.grid(title, len(rows), len(moments), row_height=row_height, sharey="row")
    looks = {variant: look for variant, look in style.looks(study.variants).items() if variant in _variants(groups)}
    for one, what in zip(axes[0], moments.values(), strict=True):
        one.set_title(what)
    for row, (panel, label, tag) in zip(axes, rows, strict=True):
        for one, when in zip(row, moments, strict=True):
            for group in groups:
                found = over_seeds(group.trials, when, tag)
                if found is not None:
                    style.line(one, panel.first + np.arange(len(found.median)), found, looks[group.variant])
            _label(one, panel, "\n".join(filter(None, (label, panel.y))))
            if one is not row[0]:
                one.set_ylabel("")
    style.legend(made, looks, {label: line for panel in panels for label, _, line in panel.references})
    placed = {
        (tag, when): one
        for row, (_, _, tag) in zip(axes, rows, strict=True)
        for one, when in zip(row, moments, strict=True)
    }
    return Drawn(made, placed)


def draw_one(values: dict[str, Any], title: str, panels: tuple[Panel, ...]) -> Figure | None:
    """One measurement, a panel beside the other; `None` if it has none of the curves.

    `values` are those of a record, `{tag: value}`.
    """
    there = [(panel, curves) for panel in panels if (curves := list(_curves(values, panel)))]
    if not there:
        return None
    made = style.figure(max(6.4, 4.6 * len(there)), 4.0)
    made.suptitle(title, fontsize=11.5)
    for axes, (panel, curves) in zip(made.subplots(1, len(there), squeeze=False)[0], there, strict=True):
        looks = style.looks([label for label, _ in curves])
        for label, curve in curves:
            style.line(axes, panel.first + np.arange(len(curve.median)), curve, looks[label], label=label)
        _label(axes, panel, panel.y)
        axes.grid(alpha=0.3)
        if len(curves) > 1 or panel.references:
            axes.legend()
    return made


def _curves(values: dict[str, Any], panel: Panel) -> Iterator[tuple[str, Spread]]:
    """Median and quartiles; where there are no quartiles, the curve alone."""
    for label, tag in panel.curves.items():
        if tag in values:
            low, high = (values.get(f"{tag}_{quartile}", values[tag]) for quartile in ("q25", "q75"))
            yield label, Spread(*(np.asarray(bound, float) for bound in (values[tag], low, high)))


def _label(axes: Axes, panel: Panel, y: str) -> None:
    axes.set(xlabel=panel.x, ylabel=y)
    for label, at, line in panel.references:
        style.reference(axes, at, line, label=label)


def _variants(groups: list[Any]) -> set[str]:
    return {group.variant for group in groups}
