"""Lyapunov spectra of the driven networks: the average rates, over the whole run, at which perturbations grow."""

from matplotlib.figure import Figure

from rnnx.report.figures import _panels
from rnnx.report.figures._panels import Panel
from rnnx.report.study import Study
from rnnx.report.trial import Record

TITLE = "Lyapunov spectra"

CAPTION = """
Each exponent is the rate at which one direction of small differences between states grows or shrinks, on average over
the whole run, driven by its inputs; gradients grow and shrink at the same rates on their way back. Above the dotted
line a gradient explodes, below it vanishes; how many exponents lie near it is how many directions the network can
remember in. A spectrum that ends early goes on at minus infinity: those directions are lost in a single step.
"""

ORDER = 70

SUBJECT = "Lyapunov spectrum"

_PANELS = (
    Panel(
        "i, from the largest",
        "Lyapunov exponent λ$_i$\n(nats per step)",
        {"": "lyapunov/spectrum"},
        first=1,
        references=(("neither grows nor decays", 0.0, ":"),),
    ),
)


def draw(study: Study, task: str) -> Figure | None:
    """The spectra of the cells in one panel, before training and at the last measurement."""
    drawn = _panels.draw(study, task, "Lyapunov spectrum of the network driven by its inputs", _PANELS, row_height=3.6)
    return drawn.figure if drawn else None


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One spectrum."""
    return _panels.draw_trial(record, title, _PANELS)
