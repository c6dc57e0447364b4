"""What mean-field theory says of a wide random network with these weights, beside the edge of chaos."""

from matplotlib.figure import Figure

from rnnx.report.figures import _trial
from rnnx.report.figures._trial import NumberLine
from rnnx.report.trial import Record

SUBJECT = "rate of the gradient by mean-field theory"
IN_TRAINING = False  # there it is a line beside the gradient

_RATE, _SCALE, _VARIANCE = (f"mean_field/{name}" for name in ("rate", "depth_scale", "variance"))


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement."""
    if _RATE not in record:
        return None
    more = f"depth scale {record[_SCALE]:.3g} steps, variance of a pre-activation q* = {record[_VARIANCE]:.3g}"
    label = f"½ ln χ$_1$ (nats per step); below 0 gradients vanish, above they explode\n{more}"
    return _trial.number_lines(record, title, [NumberLine(label, record[_RATE], {"0: edge of chaos": 0.0})])
