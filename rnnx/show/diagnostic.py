"""Any diagnostic, as a picture."""

from matplotlib.figure import Figure

from rnnx.report import figures
from rnnx.show._measured import measured
from rnnx.types import GradientFlow


def diagnostic(name: str, flow: GradientFlow) -> Figure:
    """Measure a diagnostic and draw it, as `experiments.analyze` does.

    Args:
      name: one of `rnnx.diagnostics.names()`.
      flow: of `rnnx.gradient_flow`, or of one part from `rnnx.gradient_flows`.

    Returns:
      A figure with one panel or several, which a notebook shows; `figure.savefig(path)` writes it.

    Raises:
      ValueError: no diagnostic has that name; it has nothing to say of such a cell, or no picture; the flow is being
        traced by `jit`.

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> flow = rnnx.gradient_flow(cell, params, xs, loss=lambda ys: ys[-1].sum())
    >>> rnnx.show.diagnostic("hidden_units", flow).get_suptitle()
    'rnnx.gru(8): distribution of the outputs'
    """
    pictures = list(figures.pictures(name, measured(name, flow), repr(flow.cell)))
    if not pictures:
        raise ValueError(f"the diagnostic {name!r} has no picture of {flow.cell!r}.")
    return pictures[0].figure
