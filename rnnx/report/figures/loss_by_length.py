"""Loss by length: the loss at lengths that a network was not trained on, against length."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report.figures import _doubling, _style, _trial
from rnnx.report.study import Study
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
_XLABEL = "length of the sequence (steps)"


def draw(study: Study, task: str) -> Figure | None:
    """A panel for each length of training, a line for each variant."""
    return _doubling.panels(
        study,
        task,
        (_STEPS, _LOSS),
        subject="loss by length",
        length_is="trained at T =",
        xlabel=_XLABEL,
        beside=_without_memory,
        references={"without memory": "--"},
    )


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One network."""
    if _LOSS not in record or _STEPS not in record:
        return None
    made, (axes,) = _trial.panels(title)
    (style,) = _trial.line_styles(record, [""]).values()
    _style.seeds(axes, np.asarray(record[_STEPS], float), np.asarray([record[_LOSS]], float), style, markers=20)
    _without_memory(axes, record)
    axes.set_ylabel("loss (dashed: without memory)")
    _doubling.double(axes, _XLABEL)
    return made


def _without_memory(axes: Axes, record: Record) -> None:
    if _WITHOUT in record:
        _style.reference_curve(axes, np.asarray(record[_STEPS], float), np.asarray(record[_WITHOUT], float), "--")
