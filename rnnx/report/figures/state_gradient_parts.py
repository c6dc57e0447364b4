"""The parts of the state one by one: through which of them the gradient travels."""

import itertools

from matplotlib.figure import Figure

from rnnx.report.figures import _style, state_gradient
from rnnx.report.figures.state_gradient import draw_lines
from rnnx.report.study import Study

TITLE = "The parts of the state"

CAPTION = """
For states that have several parts, such as h and c of an LSTM: the norm with respect to each part over that of the
whole state at lag 0. At lag 0 only the part that is read out has a gradient; c receives its first at lag 1. Far back,
the part whose curve is flatter is the one that carries the gradient. Colours are those of the networks, dashes say
which part.
"""

ORDER = 20


def draw(study: Study, task: str) -> Figure | None:
    """The parts of those states that have several, `h` and `c` of an LSTM; `None` where there is no such state."""
    parts = {
        group.variant: state_gradient.parts(trial.before)
        for group in study.groups_of(task)
        for trial in group.trials
        if trial.before
    }
    labels = [(variant, part) for variant, several in parts.items() if len(several) > 1 for part in several]
    line_styles = _style.variant_styles(study)
    names = dict.fromkeys(part for _, part in labels)
    dashes = dict(zip(names, itertools.cycle(_style.PART_DASHES), strict=False))
    lines = {(variant, part): line_styles[variant]._replace(linestyle=dashes[part]) for variant, part in labels}
    return draw_lines(study, task, "through which part of the state the gradient travels", lines) if lines else None
