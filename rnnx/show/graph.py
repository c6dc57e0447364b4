"""The computational graph of a model, folded and unrolled."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rnnx.computational_graph import Graph, computational_graph
from rnnx.report import graph as drawing
from rnnx.report.graph.painted import Norms
from rnnx.show._measured import check_drawable
from rnnx.types import Batch, GradientFlow, Run


def graph(
    model: Callable[[Batch, Run], Any],
    batch: Batch,
    *,
    flows: Mapping[str, GradientFlow] | None = None,
    steps: int | None = None,
) -> Figure:
    """Draw the computational graph of a model: as it is written, with loops, and unrolled over the steps of a batch.

    All of it is read off the model, by `rnnx.computational_graph`: what is fed in and where (circles), the recurrent
    parts, each in one colour since its weights are the same at every step (boxes), what they hand to each other, what
    is read out, and where there is a loss (black). U takes in, W goes from step to step, V reads out. Steps, or the
    nodes of a tree, are those of the first example of the batch.

    Args:
      model: one of `rnnx.models`, or anyone's own that is called as `model(batch, run)`.
      batch: what it is called with.
      flows: of all its parts, from `rnnx.gradient_flows` on the same batch: then each step is painted by ‖∂L/∂s_t‖ of
        the first example over the largest of them, in powers of ten.
      steps: how many of each part are drawn at most, 6 if not given, or 4 where one sequence follows another; what lies
        between the first and the last is folded.

    Returns:
      A figure, which a notebook shows; `figure.savefig(path)` writes it.

    Raises:
      ValueError: the model has no recurrent part, or a tree and other parts; the first example has no step; flows of
        other parts or steps; less than two steps to be drawn; the batch or a flow is being traced by `jit`.

    >>> import jax, rnnx
    >>> from flax import nnx
    >>> task = rnnx.tasks.get("adding")()
    >>> model = rnnx.models.get("sequence")(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
    >>> figure = rnnx.show.graph(model, task.sample(jax.random.key(0), 4, 100))
    >>> [axes.get_label() for axes in figure.axes]
    ['folded', 'unrolled']
    """
    for flow in (flows or {}).values():
        check_drawable(flow)
    of = computational_graph(model, batch)
    return drawing.draw(of, norms=None if flows is None else _norms(of, flows), steps=steps)


def _norms(graph: Graph, flows: Mapping[str, GradientFlow]) -> Norms:
    """log10 ‖∂L/∂s_t‖ of the first example at each step of each part."""
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
    return norms
