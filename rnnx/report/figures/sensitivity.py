"""How much the last state moves with each array of parameters."""

from matplotlib.figure import Figure

from rnnx.report.figures import _trial
from rnnx.report.trial import Record

SUBJECT = "sensitivity of the last state to the parameters"
IN_TRAINING = False  # there they are charts


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement, a row an array."""
    values = _trial.by_name(record, "sensitivity/{}/log10")
    return _trial.dots(record, title, "log$_{10}$ of the mean of ‖∂s$_T$/∂θ‖²", values) if values else None
