"""Loss by context: the loss of a model that may look back k tokens, against k."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.report.figures import _doubling, _style, _trial
from rnnx.report.statistics import MedianRange
from rnnx.report.study import Study
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
_XLABEL = "k, tokens read before the target"


def draw(study: Study, task: str) -> Figure | None:
    """A panel for each length, a line for each variant."""
    return _doubling.panels(
        study, task, (_TOKENS, _LOSS), subject="loss by what is read before", length_is="T =", xlabel=_XLABEL
    )


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
    _doubling.double(axes, _XLABEL)
    axes.legend()
    return made
