"""The gradient against lag."""

from matplotlib.axes import Axes

from rnnx.report.figures.state_gradient import against_lag
from rnnx.show._measured import measured, new_axes
from rnnx.types import GradientFlow


def lag(flow: GradientFlow, *, ax: Axes | None = None) -> Axes:
    """Draw how much of the gradient at the last scored step is left k steps earlier, in powers of ten.

    A line for each part of the state, of `log10 ‖∂L/∂s_{T-k}‖ / ‖∂L/∂s_T‖`: the median over the examples, with a band
    from the lower to the upper quartile. A straight line going down is exponential vanishing, one going up explosion.
    Dashed is 1 %: where the whole state crosses it ends its reach; dotted the rounding of float32. A line that ends
    within the axes has become exactly zero. Nothing is drawn below 10⁻¹⁰. `flow.plot()` is the same.

    Args:
      flow: of `rnnx.gradient_flow`, or of one part from `rnnx.gradient_flows`.
      ax: axes to draw on; those of a new figure if not given. Of axes that share a scale all is kept in sight.

    Returns:
      The axes.

    Raises:
      ValueError: the flow is being traced by `jit`.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> flow = rnnx.gradient_flow(cell, params, xs, loss=lambda ys: ys[-1].sum())
    >>> axes = rnnx.show.lag(flow)
    >>> axes.get_xlabel(), [line.get_label() for line in axes.lines[:2]]
    ('lag k (steps before the scored one)', ['h', 'c'])
    """
    record = measured("state_gradient", flow)
    axes = new_axes(ax)
    on_this_scale = [one for one in axes.get_shared_y_axes().get_siblings(axes) if one.has_data()]
    limits = [one.get_ylim() for one in on_this_scale]
    against_lag(axes, record)
    lows, highs = zip(*limits, axes.get_ylim(), strict=True)
    axes.set_ylim(min(lows), max(highs))
    return axes
