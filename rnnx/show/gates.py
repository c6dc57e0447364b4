"""How open the gates are, against lag."""

import numpy as np
from matplotlib.axes import Axes

from rnnx.report.figures import _style, _trial
from rnnx.report.statistics import MedianRange
from rnnx.show._measured import by_lag, cell_name, check_drawable, new_axes
from rnnx.types import GradientFlow


def gates(flow: GradientFlow, *, ax: Axes | None = None) -> Axes:
    """Draw the values of every gate against lag: 0 is closed, 1 is open.

    A line for each gate, as the cell names them: the median over units and examples, with a band from the lower to the
    upper quartile. A forget gate near 1 keeps what the state holds; a product of k values below it is what is left
    after k steps, which `rnnx.diagnostics.gates` measures.

    Args:
      flow: of `rnnx.gradient_flow`, or of one part from `rnnx.gradient_flows`.
      ax: axes to draw on; those of a new figure if not given.

    Returns:
      The axes.

    Raises:
      ValueError: the cell has no gates; the flow is being traced by `jit`.

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> flow = rnnx.gradient_flow(cell, params, xs, loss=lambda ys: ys[-1].sum())
    >>> axes = rnnx.show.gates(flow)
    >>> [line.get_label() for line in axes.lines]
    ['reset', 'update']
    """
    check_drawable(flow)
    if flow.cell.gates is None:
        raise ValueError(f"{flow.cell!r} has no gates.")
    values = flow.cell.gates(flow.params, flow.before, flow.inputs)
    axes = new_axes(ax)
    for gate, style in _trial.line_styles({"cell.name": cell_name(flow)}, list(values)).items():
        quartiles = np.array([np.quantile(at_lag, (0.5, 0.25, 0.75)) for at_lag in by_lag(values[gate], flow)]).T
        _style.line(axes, np.arange(quartiles.shape[-1]), MedianRange(*quartiles), style, label=gate)
    axes.set(xlabel="lag k (steps before the scored one)", ylabel="value of a gate (0 closed, 1 open)", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return axes
