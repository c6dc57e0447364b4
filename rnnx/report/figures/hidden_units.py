"""Where in its range the output lives, and how much of it is at the ends, where tanh passes little gradient."""

from matplotlib.figure import Figure

from rnnx.report.figures import _trial
from rnnx.report.trial import Record

SUBJECT = "distribution of the outputs"
IN_TRAINING = False  # there it has its histogram

_HISTOGRAM, _SATURATED, _DEAD = (f"hidden_units/{name}" for name in ("histogram", "saturated", "dead"))
_END = 0.95  # beyond it an output counts as saturated


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement: shares of all outputs, the ends of the range shaded."""
    if _HISTOGRAM not in record:
        return None
    made, (axes,) = _trial.panels(title)
    _trial.shares(axes, record[_HISTOGRAM], fill=True, color=_trial.color(record), alpha=0.7)
    for sign in (-1, 1):
        label = f"|y| > {_END}, saturated: {record[_SATURATED]:.1%} of the outputs" if sign > 0 else None
        axes.axvspan(sign * _END, sign * 1.0, color="0.6", alpha=0.4, linewidth=0, label=label)
    axes.plot([], [], " ", label=f"dead, exactly 0 throughout: {record[_DEAD]:.1%} of the units")
    axes.set(xlabel="output y of a unit at a step", ylabel="share of the outputs", xlim=(-1.02, 1.02))
    axes.set_ylim(0, 1.3 * axes.get_ylim()[1])  # room for the legend
    axes.legend(loc="upper center", fontsize="small")
    return made
