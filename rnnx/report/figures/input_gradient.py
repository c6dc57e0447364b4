"""The gradient of the loss with respect to the inputs, against lag."""

from matplotlib.figure import Figure

from rnnx.report.figures import _panels
from rnnx.report.figures._panels import Panel
from rnnx.report.trial import Record

IN_TRAINING = False  # it goes much as the gradient of the state

_PANELS = (
    Panel("lag k (steps before the scored one)", "log$_{10}$ ‖∂L/∂x$_{T-k}$‖", {"": "input_gradient/log10_norm"}),
)


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement: median over examples with quartiles."""
    return _panels.draw_trial(record, title, _PANELS)
