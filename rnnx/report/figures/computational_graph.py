"""The computational graph of a model, unrolled, with the gradient that was measured painted on its states."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.computational_graph import Graph
from rnnx.report import graph
from rnnx.report.graph.painted import Norms
from rnnx.report.study import Study, longest
from rnnx.report.trial import Trial

TITLE = "One of the networks, folded and unrolled"

CAPTION = """
The first network of the table at its longest length, as its model computes one held-out example: what is fed in and
where (circles), its recurrent parts, each in one colour since its weights are the same at every step, what they hand to
each other, and where there is a loss (black). U takes in, W goes from step to step, V reads out. Each state is painted
by the gradient at the last measurement, &Vert;&part;L/&part;s<sub>t</sub>&Vert; of the last loss alone over the
largest of all steps: dark is all of it, white less than a ten-thousandth.
"""

ORDER = 2

_TAG = "state_gradient/on_data"


def draw(study: Study, task: str) -> Figure | None:
    """The first trial of the task that has a graph; without the gradient where that was not measured."""
    views = [trial for group in longest(study.groups_of(task)) for trial in group.trials if trial.graph]
    if not views or views[0].graph is None:
        return None
    parts = {str(trial.settings.get("part", "")): trial for trial in views if trial.name == views[0].name}
    try:
        return graph.draw(views[0].graph, norms=_norms(views[0].graph, parts))
    except ValueError:  # a graph that has no picture, as a tree beside other parts
        return None


def _norms(of: Graph, views: dict[str, Trial]) -> Norms | None:
    """log10 ‖∂L/∂s_t‖ at each step of each part; `None` where one was not measured."""
    if len(of.parts) == 1:
        (alone,) = views.values()
        views = dict.fromkeys(of.parts, alone)
    norms = {}
    for name, part in of.parts.items():
        curve = np.asarray(views[name].latest.get(_TAG, []) if name in views else [], float)
        if len(curve) <= max(part.steps, default=0):
            return None
        norms[name] = {step: float(curve[step]) for step in part.steps}
    return norms
