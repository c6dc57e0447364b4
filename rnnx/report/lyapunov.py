"""Lyapunov spectra of the driven networks: the average rates, over the whole run, at which perturbations grow."""

from typing import Any

from matplotlib.figure import Figure

from rnnx.report import panels
from rnnx.report.panels import Panel
from rnnx.report.study import Study

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
    drawn = panels.draw(study, task, "Lyapunov spectrum of the network driven by its inputs", _PANELS, row_height=3.6)
    return drawn.figure if drawn else None


def draw_one(values: dict[str, Any], title: str) -> Figure | None:
    """One spectrum."""
    return panels.draw_one(values, title, _PANELS)
