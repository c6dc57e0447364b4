"""Through which part of the state the gradient travels: each path alone, the others cut at every step."""

import re
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report import style, titles
from rnnx.report.spread import Spread, over_seeds
from rnnx.report.study import Group, Study, having, longest
from rnnx.report.trial import Record

_WHOLE = "all"
_TAG = "paths/{}/log10_norm"
_LABEL = "log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"


def draw(study: Study, task: str) -> Figure | None:
    """Rows the variants whose state has several parts, columns before training and at the last measurement."""
    groups = [g for g in having(study.groups_of(task), _TAG.format(_WHOLE)) if len(_parts(_first(g))) > 2]
    if not groups:
        return None
    groups = longest(groups)
    moments = titles.moments(groups, _TAG.format(_WHOLE))
    looks = style.looks(list(dict.fromkeys(part for group in groups for part in _parts(_first(group)))))
    subject = f"{task}, T = {groups[0].length}: the gradient along one part of the state alone"
    made, panels = style.grid(titles.title(subject, groups), len(groups), len(moments), sharex=True, sharey=True)
    for row, group in zip(panels, groups, strict=True):
        for axes, (when, what) in zip(row, moments.items(), strict=True):
            whole = over_seeds(group.trials, when, _TAG.format(_WHOLE))
            for part in _parts(_first(group)):
                found = over_seeds(group.trials, when, _TAG.format(part))
                if whole is not None and found is not None:
                    _line(axes, found, _reference(whole.median), looks[part])
            axes.set(title=f"{group.variant}, {what}", xlabel="lag k (steps)", ylabel=_LABEL)
            axes.label_outer()
    style.legend(made, {_name(part): look for part, look in looks.items()})
    return made


def draw_one(values: dict[str, Any], title: str) -> Figure | None:
    """One measurement, each path in its own line."""
    parts = _parts(values)
    if not parts:
        return None
    figure = style.figure(6.4, 4.0)
    axes = figure.subplots()
    whole = np.asarray(values[_TAG.format(_WHOLE)], float)
    for part, look in style.looks(parts).items():
        curve = np.asarray(values[_TAG.format(part)], float)
        _line(axes, Spread(curve, curve, curve), _reference(whole), look, label=_name(part))
    axes.set(xlabel="lag k (steps)", ylabel=_LABEL, title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def _line(axes: Axes, found: Spread, reference: float, look: style.Look, **others: Any) -> None:
    relative = Spread(*(bound - reference for bound in found))
    style.line(axes, np.arange(len(relative.median)), relative, look, **others)


def _reference(whole: np.ndarray) -> float:
    """The whole gradient at the first lag that has one."""
    known = whole[np.isfinite(whole)]
    return float(known[0]) if len(known) else np.nan


def _first(group: Group) -> Record:
    """A record that has the tags."""
    return next(record for t in group.trials for record in (t.latest, t.first) if _TAG.format(_WHOLE) in record)


def _parts(values: Record) -> list[str]:
    """The paths of a measurement, the whole first."""
    found = re.findall(f"^{_TAG.format('(.+)')}$", "\n".join(values), re.MULTILINE)
    return sorted(found, key=lambda part: (part != _WHOLE, part))


def _name(part: str) -> str:
    return "all paths" if part == _WHOLE else f"through {part} alone"
