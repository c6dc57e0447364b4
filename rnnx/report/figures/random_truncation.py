"""How far one gradient of random truncation lies from the whole one: its direction and its error."""

from matplotlib.figure import Figure

from rnnx.report.figures import _trial
from rnnx.report.figures._trial import NumberLine
from rnnx.report.trial import Record

SUBJECT = "noise of random truncation"
IN_TRAINING = False  # there it is a chart

_COSINE, _ERROR = "random_truncation/cosine", "random_truncation/relative_error"


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement."""
    if _COSINE not in record:
        return None
    directions = {"at right angles": 0.0, "same direction": 1.0}
    errors = {"0: none": 0.0, "as large as the gradient": 1.0}
    return _trial.number_lines(
        record,
        title,
        [
            NumberLine("cosine of the angle between one such gradient and the whole", record[_COSINE], directions),
            NumberLine("error relative to the whole, root mean square over draws", record[_ERROR], errors),
        ],
    )
