"""Loss by length: the loss at lengths that a network was not trained on, against length."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from rnnx.report.figures import _style, _titles, _trial
from rnnx.report.statistics import of_seeds
from rnnx.report.study import Study, with_tag
from rnnx.report.trial import Record

TITLE = "What it does at lengths it was not trained on"

CAPTION = """
The loss of fresh sequences of the length of training, which is the first point, and of 2, 4 and 10 times that. Dashed:
the loss of a predictor without memory. A network whose curve is flat has learnt
what is asked for; one whose curve climbs to the dashed line, or above it, has learnt it for one length.
"""

ORDER = 155

SUBJECT = "loss by length"

_STEPS, _LOSS, _WITHOUT = (f"loss_by_length/{name}" for name in ("steps", "loss", "without_memory"))


def draw(study: Study, task: str) -> Figure | None:
    """A panel for each length of training, a line for each variant."""
    groups = [group for group in with_tag(study.groups_of(task), _LOSS) if any(_LOSS in t.latest for t in group.trials)]
    if not groups:
        return None
    lengths = sorted({group.length for group in groups})
    stage = _titles.stage_labels(groups, _LOSS)["latest"]
    made, panels = _style.grid(
        _titles.title(f"{task}: loss by length, {stage}", groups), 1, len(lengths), row_height=3.4, sharey=True
    )
    shown = {group.variant for group in groups}
    line_styles = {variant: style for variant, style in _style.variant_styles(study).items() if variant in shown}
    for axes, length in zip(panels[0], lengths, strict=True):
        for group in groups:
            losses = of_seeds(group.trials, "latest", _LOSS) if group.length == length else None
            if losses is not None:
                record = next(trial.latest for trial in group.trials if _LOSS in trial.latest)
                steps = np.asarray(record[_STEPS], float)
                _style.seeds(axes, steps, losses, line_styles[group.variant], markers=20)
                _without_memory(axes, record)
        axes.set(title=f"trained at T = {length}", ylabel=groups[0].trials[0].loss_unit)
        _doubling(axes)
        axes.label_outer()
    _style.label_ends(panels[:, -1], line_styles)
    _style.legend(made, line_styles, {"without memory": "--"})
    return made


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One network."""
    if _LOSS not in record or _STEPS not in record:
        return None
    made, (axes,) = _trial.panels(title)
    (style,) = _trial.line_styles(record, [""]).values()
    _style.seeds(axes, np.asarray(record[_STEPS], float), np.asarray([record[_LOSS]], float), style, markers=20)
    _without_memory(axes, record)
    axes.set_ylabel("loss (dashed: without memory)")
    _doubling(axes)
    return made


def _without_memory(axes: Axes, record: Record) -> None:
    if _WITHOUT in record:
        _style.reference_curve(axes, np.asarray(record[_STEPS], float), np.asarray(record[_WITHOUT], float), "--")


def _doubling(axes: Axes) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda steps, _: f"{steps:g}"))
    axes.set_xlabel("length of the sequence (steps)")
