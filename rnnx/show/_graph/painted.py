"""The gradient at every step of a graph, as a tint."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnx.computational_graph import Graph
from rnnx.report.on_data import _cells
from rnnx.types import GradientFlow

Tint = tuple[Any, str]


def painted(graph: Graph, flows: Mapping[str, GradientFlow]) -> dict[str, dict[int, Tint]]:
    """Colour and hatching of each step of each part, by log10 ‖∂L/∂s_t‖ over the largest of all.

    Raises:
      ValueError: flows of other parts than those of the graph, or of other steps.
    """
    if flows.keys() != graph.parts.keys():
        parts, given = (", ".join(map(repr, names)) for names in (graph.parts, flows))
        raise ValueError(f"flows must be of the parts {parts} of this model, not of {given or 'none'}.")
    norms = {}
    for name, part in graph.parts.items():
        flow = flows[name]
        own = np.asarray(flow.lag).reshape(len(flow.lag), -1)[:, 0] >= 0
        position, norm = (np.asarray(of).reshape(len(own), -1)[own, 0] for of in (flow.position, flow.log10_state_norm))
        norms[name] = dict(zip(position.tolist(), norm.tolist(), strict=True))
        if norms[name].keys() != set(part.steps):
            raise ValueError(f"the flow of {name!r} is of other steps than the graph: both must be of one batch.")
    largest = max((norm for of in norms.values() for norm in of.values() if np.isfinite(norm)), default=0.0)
    made = {}
    for name, of in norms.items():
        tints = _cells.tints(np.array(list(of.values())) - largest)
        made[name] = {
            step: (tuple(color), hatch) for step, color, hatch in zip(of, tints.colors, tints.hatches, strict=True)
        }
    return made
