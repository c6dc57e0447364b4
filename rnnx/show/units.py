"""The gradient in every unit of the state at every step."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from rnnx.pytrees import named_leaves
from rnnx.show._measured import by_lag, check_drawable, new_axes
from rnnx.types import GradientFlow

_DECADES = 10.0  # what is smaller than the largest value by more takes the darkest colour


def units(flow: GradientFlow, *, ax: Axes | None = None) -> Axes:
    """Draw the gradient of the loss with respect to every unit of the state against lag, as a heat map.

    A row for each number of the state, the parts one above the other; a column for each lag; the colour is `log10` of
    the root mean square of `∂L/∂s_i` over the examples. A bright row is a unit that carries the gradient far back; a
    picture dark beyond some lag is one in which all units have lost it. The darkest colour is ten powers of ten below
    the brightest, or darker; light grey is exactly zero.

    Args:
      flow: of `rnnx.gradient_flow`, or of one part from `rnnx.gradient_flows`.
      ax: axes to draw on; those of a new figure if not given. The colour bar takes its room from them.

    Returns:
      The axes.

    Raises:
      ValueError: the flow is being traced by `jit`.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> flow = rnnx.gradient_flow(cell, params, xs, loss=lambda ys: ys[-1].sum())
    >>> axes = rnnx.show.units(flow)
    >>> axes.collections[0].get_array().shape  # units of h and c, lags
    (16, 20)
    """
    check_drawable(flow)
    T, B = flow.lag.shape
    parts = {name: np.asarray(leaf).reshape(T, B, -1) for name, leaf in named_leaves(flow.state_gradients).items()}
    values = log10_rms(np.concatenate(list(parts.values()), axis=-1), flow)
    axes = new_axes(ax)
    axes.set_facecolor("0.9")
    known = values[np.isfinite(values)]
    high = known.max() if known.size else 0.0
    scale = Normalize(max(known.min(initial=high), high - _DECADES), high)
    edges = np.arange(values.shape[1] + 1) - 0.5
    drawn = axes.pcolormesh(edges, np.arange(len(values) + 1), np.ma.masked_invalid(values), norm=scale, cmap="cividis")
    ends = np.cumsum([part.shape[-1] for part in parts.values()])
    for end in ends[:-1]:
        axes.axhline(end, color="white", linewidth=2)
    axes.set_yticks(ends - np.diff(ends, prepend=0) / 2, [f"{name} ({part.shape[-1]})" for name, part in parts.items()])
    axes.set(xlabel="lag k (steps before the scored one)", ylabel="units of the state", ylim=(ends[-1], 0))
    axes.figure.colorbar(drawn, ax=axes, label="log$_{10}$ of the root mean square of ∂L/∂s$_{T-k}$", extend="min")
    return axes


def log10_rms(values: np.ndarray, flow: GradientFlow) -> np.ndarray:
    """log10 of the root mean square over the examples at each lag, from `[T, B, S]` to `[S, lags]`."""

    def of(at_lag: np.ndarray) -> np.ndarray:
        unit = np.where(at_lag.max(axis=0) > 0, at_lag.max(axis=0), 1)  # the squares of what is small would underflow
        with np.errstate(divide="ignore"):  # of zero
            return np.log10(np.sqrt(np.mean((at_lag / unit) ** 2, axis=0))) + np.log10(unit)

    return np.stack([of(at_lag) for at_lag in by_lag(np.abs(values).astype(float), flow)], axis=-1)
