"""Singular values of the products of Jacobians: the most and the least that a gradient keeps on its way."""

from typing import Any

from matplotlib.figure import Figure

from rnnx.report import panels
from rnnx.report.panels import Panel
from rnnx.report.study import Study

_LAG = "lag k (steps)"
_PANELS = (
    Panel(
        _LAG,
        "log$_{10}$, k Jacobians",
        {
            "largest singular value": "jacobian_products/log10_sigma_max",
            "Frobenius norm": "jacobian_products/log10_frobenius",
            "smallest singular value": "jacobian_products/log10_sigma_min",
        },
        references=(("nothing gained, nothing lost", 0.0, ":"),),
    ),
    Panel(_LAG, "log$_{10}$ condition number", {"": "jacobian_products/log10_condition"}),
    Panel(
        "i, from the largest",
        "ln σ$_i$ / k at the largest lag\n(nats per step)",
        {"": "jacobian_products/log_singular_values"},
        first=1,
        references=(("nothing gained, nothing lost", 0.0, ":"),),
    ),
)


def draw(study: Study, task: str) -> Figure | None:
    """Rows σ_max, Frobenius, σ_min, condition and the spectrum; columns before training and at the last measurement."""
    drawn = panels.draw(study, task, "singular values of the products of Jacobians", _PANELS)
    return drawn.figure if drawn else None


def draw_one(values: dict[str, Any], title: str) -> Figure | None:
    """One measurement: median over examples with quartiles."""
    return panels.draw_one(values, title, _PANELS)
