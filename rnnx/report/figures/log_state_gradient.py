"""The gradient of the loss with respect to the state, against lag, far below the smallest number."""

from matplotlib.figure import Figure

from rnnx.report.figures import _panels
from rnnx.report.figures._panels import Panel
from rnnx.report.trial import Record

SUBJECT = "gradient against lag, as far down as it goes"

_PANELS = (
    Panel("lag k (steps before the scored one)", "log$_{10}$ ‖∂L/∂s$_{T-k}$‖", {"": "log_state_gradient/log10_norm"}),
)


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement: median over examples with quartiles."""
    return _panels.draw_trial(record, title, _PANELS)
