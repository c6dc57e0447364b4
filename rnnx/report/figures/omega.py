"""Ω on a line, beside what it is where nothing is lost at any step and where all is."""

from matplotlib.figure import Figure

from rnnx.report.figures import _trial
from rnnx.report.figures._trial import NumberLine
from rnnx.report.trial import Record

SUBJECT = "Ω, how far the gradient's norm is from being kept"
IN_TRAINING = False  # there it is a chart

_TAG = "omega/value"


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement."""
    if _TAG not in record:
        return None
    references = {"1: all lost at one step": 1.0}
    if "task.length" in record:
        references["T: at every step"] = record["task.length"]
    label = "Ω, a sum over steps; 0 where each keeps the norm"
    return _trial.number_lines(record, title, [NumberLine(label, record[_TAG], references, "log")])
