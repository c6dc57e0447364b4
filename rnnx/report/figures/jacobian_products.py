"""Singular values of the products of Jacobians: the most and the least that a gradient keeps on its way."""

from matplotlib.figure import Figure

from rnnx.report.figures import _panels
from rnnx.report.figures._panels import Panel
from rnnx.report.study import Study
from rnnx.report.trial import Record

TITLE = "Singular values of the Jacobians"

CAPTION = """
The product of the k Jacobians &part;s<sub>t</sub>/&part;s<sub>t&minus;1</sub> before the last step stretches a
gradient at most by its largest singular value, at least by its smallest, and one in a random direction by about its
Frobenius norm over the root of the number of units. Where the largest falls, every gradient vanishes; where it rises,
some explode; a condition number that grows means that the network keeps few directions and loses the rest. Lowest
row: all singular values at the largest lag, as a rate.
"""

ORDER = 60

SUBJECT = "singular values of the products of Jacobians"

_LAG = "lag k (steps)"
_PANELS = (
    Panel(
        _LAG,
        "log$_{10}$, k Jacobians",
        {
            "largest singular value": "jacobian_products/log10_sigma_max",
            "Frobenius norm": "jacobian_products/log10_frobenius",
        },
        references=(("nothing gained, nothing lost", 0.0, ":"),),
    ),
    Panel(
        _LAG,  # with an axis of its own, beside which the largest would look flat
        "log$_{10}$, k Jacobians",
        {"smallest singular value": "jacobian_products/log10_sigma_min"},
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
    drawn = _panels.draw(study, task, "singular values of the products of Jacobians", _PANELS)
    return drawn.figure if drawn else None


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement: median over examples with quartiles."""
    return _panels.draw_trial(record, title, _PANELS)
