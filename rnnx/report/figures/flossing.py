"""The Lyapunov exponents that flossing looks at, as one number on a line."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.report.figures import _trial
from rnnx.report.figures._trial import NumberLine
from rnnx.report.trial import Record

SUBJECT = "size of the larger half of the Lyapunov exponents"
IN_TRAINING = False  # there it is a chart

_TAG = "flossing/value"


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement: its root, which is a rate, beside the rate that makes a factor e of a sequence."""
    if _TAG not in record:
        return None
    references = {"0: neither grows nor decays": 0.0}
    if "task.length" in record:
        references["1/T: a factor e in T steps"] = 1 / record["task.length"]
    label = "root mean square of λ$_i$ (nats per step)"
    return _trial.number_lines(record, title, [NumberLine(label, float(np.sqrt(record[_TAG])), references)])
