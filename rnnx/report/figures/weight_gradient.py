"""The size of the gradient of each array of parameters."""

from matplotlib.figure import Figure

from rnnx.report.figures import _trial
from rnnx.report.trial import Record

SUBJECT = "size of the weight gradient"
IN_TRAINING = False  # there they are charts


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement, a row an array."""
    values = _trial.by_name(record, "weight_gradient/{}/log10_norm")
    return _trial.dots(record, title, "log$_{10}$ ‖∂L/∂W‖", values) if values else None
