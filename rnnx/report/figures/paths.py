"""Through which part of the state the gradient travels: each path alone, the others cut at every step."""

import itertools
import re
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles, _trial
from rnnx.report.statistics import MedianRange
from rnnx.report.study import Group, Study, longest, with_tag
from rnnx.report.trial import Record

TITLE = "Through one part of the state alone"

CAPTION = """
The gradient that is left at lag k where only one part of the state is open, the others cut at every step: the c-path of
an LSTM against its h-path. A path that lies on &ldquo;all paths&rdquo; carries the gradient alone; where all paths lie
above every single one, the gradient travels by changing over between them. Colours are those of the networks, dashes
say which path.
"""

ORDER = 30

SUBJECT = "gradient along one part of the state alone"

_WHOLE = "all"
_TAG = "paths/{}/log10_norm"
_LABEL = "log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"


def draw(study: Study, task: str) -> Figure | None:
    """Rows the variants whose state has several parts, columns before training and at the last measurement."""
    groups = [g for g in with_tag(study.groups_of(task), _TAG.format(_WHOLE)) if len(_parts(_first(g))) > 2]
    if not groups:
        return None
    groups = longest(groups)
    stages = _titles.stage_labels(groups, _TAG.format(_WHOLE))
    parts = list(dict.fromkeys(part for group in groups for part in _parts(_first(group))))
    dashes = dict(zip(parts, itertools.cycle(_style.PART_DASHES), strict=False))
    subject = f"{task}, T = {groups[0].length}: the gradient along one part of the state alone"
    made, panels = _style.grid(_titles.title(subject, groups), len(groups), len(stages), sharex=True, sharey=True)
    for row, group in zip(panels, groups, strict=True):
        for axes, (stage, label) in zip(row, stages.items(), strict=True):
            trials = [trial for trial in group.trials if _TAG.format(_WHOLE) in getattr(trial, stage)]
            for part in _parts(_first(group)):
                style = _style.variant_styles(study)[group.variant]._replace(linestyle=dashes[part], marker="")
                curves = [_relative(getattr(trial, stage), part) for trial in trials]
                if curves:
                    width = 2.2 if part == _WHOLE else 1.4
                    _style.seeds(axes, np.arange(len(curves[0])), np.array(curves), style, linewidth=width)
            axes.set(title=f"{group.variant}, {label}", xlabel="lag k (steps)", ylabel=_LABEL)
            axes.label_outer()
    _style.dash_legend(made, {_name(part): dash for part, dash in dashes.items()})
    return made


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement, each path in its own line."""
    parts = _parts(record)
    if not parts:
        return None
    figure, (axes,) = _trial.panels(title)
    whole = np.asarray(record[_TAG.format(_WHOLE)], float)
    for part, style in _trial.line_styles(record, parts).items():
        curve = np.asarray(record[_TAG.format(part)], float)
        _line(axes, MedianRange(curve, curve, curve), _reference(whole), style, label=_name(part))
    axes.set(xlabel="lag k (steps)", ylabel=_LABEL)
    axes.legend()
    return figure


def _line(axes: Axes, values: MedianRange, reference: float, style: _style.LineStyle, **others: Any) -> None:
    relative = MedianRange(*(bound - reference for bound in values))
    _style.line(axes, np.arange(len(relative.median)), relative, style, **others)


def _relative(record: Record, part: str) -> np.ndarray:
    """A path over all of them at lag 0."""
    whole = np.asarray(record[_TAG.format(_WHOLE)], float)
    return np.asarray(record.get(_TAG.format(part), np.full(len(whole), np.nan)), float) - _reference(whole)


def _reference(whole: np.ndarray) -> float:
    """The whole gradient at the first lag that has one."""
    known = whole[np.isfinite(whole)]
    return float(known[0]) if len(known) else np.nan


def _first(group: Group) -> Record:
    """A record that has the tags."""
    return next(record for t in group.trials for record in (t.latest, t.first) if _TAG.format(_WHOLE) in record)


def _parts(record: Record) -> list[str]:
    """The paths of a measurement, the whole first."""
    paths = re.findall(f"^{_TAG.format('(.+)')}$", "\n".join(record), re.MULTILINE)
    return sorted(paths, key=lambda part: (part != _WHOLE, part))


def _name(part: str) -> str:
    return "all paths" if part == _WHOLE else f"through {part} alone"
