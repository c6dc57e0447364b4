"""What is left over of the recursion of back-propagation, beside the roundings that it may be."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.report.figures import _trial
from rnnx.report.figures._trial import NumberLine
from rnnx.report.trial import Record

SUBJECT = "does the backward pass obey its recursion?"
IN_TRAINING = False  # there it is a chart

_TAG = "recursion/residual"
_REFERENCES = {
    "float64 rounding": float(np.finfo(np.float64).eps),
    "float32 rounding": float(np.finfo(np.float32).eps),
    "wrong": 1.0,
}


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement."""
    if _TAG not in record:
        return None
    label = "largest relative error of δ$_t$ = ∂$^+$L/∂s$_t$ + J$_{t+1}^{T}$ δ$_{t+1}$"
    return _trial.number_lines(record, title, [NumberLine(label, record[_TAG], _REFERENCES, "log")])
