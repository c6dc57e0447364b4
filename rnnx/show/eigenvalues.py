"""The eigenvalues of the recurrent matrix."""

from matplotlib.axes import Axes

from rnnx.report.figures import _trial, recurrent_matrix
from rnnx.show._measured import measured, new_axes
from rnnx.types import GradientFlow


def eigenvalues(flow: GradientFlow, *, ax: Axes | None = None) -> Axes:
    """Draw the eigenvalues of the recurrent matrix in the complex plane, beside the unit circle.

    A kind of marker for each block of the matrix, by the name of the gate that it belongs to, with its spectral radius.
    In a linear network what lies within the circle decays and what lies outside grows; in one with gates and slopes
    below 1 it is one of several things that decide.

    Args:
      flow: of `rnnx.gradient_flow`, or of one part from `rnnx.gradient_flows`; only its cell and parameters are used.
      ax: axes to draw on; those of a new figure if not given.

    Returns:
      The axes.

    Raises:
      ValueError: the cell has no recurrent matrix, as one that is made of cells; the flow is being traced by `jit`.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> flow = rnnx.gradient_flow(cell, params, jax.numpy.ones((5, 4, 3)), loss=lambda ys: ys[-1].sum())
    >>> axes = rnnx.show.eigenvalues(flow)
    >>> [line.get_label() for line in axes.lines[:3]]
    ['unit circle', 'input, spectral radius 1', 'forget, spectral radius 1']
    """
    record = measured("recurrent_matrix", flow)
    blocks = recurrent_matrix.eigenvalues(record)
    if not blocks:
        raise ValueError(f"{flow.cell!r} has no recurrent matrix.")
    names = getattr(flow.cell.form, "blocks", ()) or tuple(blocks)
    styles = _trial.line_styles(record, list(names))
    axes = new_axes(ax)
    recurrent_matrix.complex_plane(axes, {name: (blocks[name], styles[name]) for name in names})
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), fontsize="small", frameon=False)
    return axes
