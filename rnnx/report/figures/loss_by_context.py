"""Loss by context: the loss of a model that may look back k tokens, against k."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from rnnx.report.figures import _style, _titles, _trial
from rnnx.report.statistics import MedianRange, of_seeds
from rnnx.report.study import Study, with_tag
from rnnx.report.trial import Record

TITLE = "How far back it uses anything"

CAPTION = """
The loss of the same targets of the test part where the model begins with an empty memory k tokens before each. From
where a curve is flat, what stands further back is of no use to that model, however far its gradient reaches. An n-gram
model is flat from k = n &minus; 1 on: a network whose loss goes on falling uses what no table of that order holds. A
loss that is high at small k may also be that of a model which never began with an empty memory in training
(<code>objective.carry_state</code>).
"""

ORDER = 160

SUBJECT = "loss by the context that is read"

_TOKENS, _LOSS, _ERROR = (f"loss_by_context/{name}" for name in ("tokens", "loss", "standard_error"))


def draw(study: Study, task: str) -> Figure | None:
    """A panel for each length, a line for each variant."""
    groups = [group for group in with_tag(study.groups_of(task), _LOSS) if any(_LOSS in t.latest for t in group.trials)]
    if not groups:
        return None
    lengths = sorted({group.length for group in groups})
    stage = _titles.stage_labels(groups, _LOSS)["latest"]
    title = _titles.title(f"{task}: loss by what is read before, {stage}", groups)
    made, panels = _style.grid(title, 1, len(lengths), row_height=3.4, sharey=True)
    line_styles = {
        variant: style
        for variant, style in _style.variant_styles(study).items()
        if variant in {group.variant for group in groups}
    }
    for axes, length in zip(panels[0], lengths, strict=True):
        for group in groups:
            losses = of_seeds(group.trials, "latest", _LOSS) if group.length == length else None
            if losses is not None:
                tokens = next(trial.latest[_TOKENS] for trial in group.trials if _LOSS in trial.latest)
                _style.seeds(axes, np.asarray(tokens, float), losses, line_styles[group.variant], markers=20)
        axes.set(title=f"T = {length}", ylabel=groups[0].trials[0].loss_unit)
        _doubling(axes)
        axes.label_outer()
    _style.label_ends(panels[:, -1], line_styles)
    _style.legend(made, line_styles)
    return made


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One reading, with the standard error of each difference to the last value."""
    if _LOSS not in record or _TOKENS not in record:
        return None
    made, (axes,) = _trial.panels(title)
    losses = np.asarray(record[_LOSS], float)
    error = np.asarray(record.get(_ERROR, np.zeros_like(losses)), float)
    (style,) = _trial.line_styles(record, [""]).values()
    with_error = MedianRange(losses, losses - error, losses + error)
    label = "± standard error of the difference to the largest k"
    _style.line(axes, np.asarray(record[_TOKENS], float), with_error, style, markers=20, label=label)
    axes.set_ylabel("loss (nats per token)")
    _doubling(axes)
    axes.legend()
    return made


def _doubling(axes: Axes) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}"))
    axes.set_xlabel("k, tokens read before the target")
