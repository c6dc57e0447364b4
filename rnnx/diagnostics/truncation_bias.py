"""Truncation bias: how wrong the gradient is if it goes back K steps only."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from rnnx.diagnostics._contributions import cosine, flat, scan_lags
from rnnx.diagnostics._tags import Tag
from rnnx.gradient_flow import gradient_flow
from rnnx.numerics import log10_norm
from rnnx.types import Array, Cell, GradientFlow, Histogram, Params

TAGS = (
    Tag(
        "truncation_bias/cosine",
        "-1 … 1",
        "cosine of the angle between the gradient truncated to K steps, g_K, and the whole, g, for K = 1 … T",
    ),
    Tag("truncation_bias/relative_error", "", "‖g_K − g‖ / ‖g‖, likewise"),
    Tag("truncation_bias/smallest_k", "steps", "smallest K with a relative error below 0.1", headline=True),
)


class TruncationBias(NamedTuple):
    """See `bias_of_truncation`."""

    cosine: Array
    """cos(g_K, g) for K = 1 … T, [T]; NaN for a K above the longest example."""
    relative_error: Array
    """‖g_K - g‖ / ‖g‖ for K = 1 … T, [T]; likewise."""
    smallest_k: Array
    """The smallest K with a relative error below the tolerance; NaN if an error is."""


def truncation_bias(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """Cosine and relative error of the gradient truncated to K steps, g_K, against the whole one, g (Aicher 2019).

    g_K = Σ_{k < K} G_k, with the parts G_k of `weight_gradient_by_lag`: the gradient of the cell's parameters for a
    loss at the last step, back-propagated through the K latest steps with the state before them held constant. Tags:

    - `truncation_bias/cosine`, `truncation_bias/relative_error`: cos(g_K, g) and ‖g_K - g‖ / ‖g‖, `[T]`, for
      K = 1 … T: index K - 1;
    - `truncation_bias/smallest_k`: the smallest K with a relative error below 0.1, steps.

    Cost: as `weight_gradient_by_lag`.

    Raises:
      ValueError: a cell that can't be stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> def measure(params):
    ...     return truncation_bias(rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> float(measured["truncation_bias/relative_error"][-1])  # all 20 steps
    0.0
    """
    return {f"truncation_bias/{name}": value for name, value in _bias(flow, 0.1)._asdict().items()}


def bias_of_truncation(
    cell: Cell,
    params: Params,
    xs: Array,
    loss: Callable[[Array], Array],
    *,
    lengths: Array | None = None,
    tolerance: float = 0.1,
) -> TruncationBias:
    """The same for any cell, data and loss.

    Args:
      cell, params, xs, loss, lengths: as for `rnnx.gradient_flow`; the loss looks at each example's last outputs.
      tolerance: the relative error to stay below.

    Raises:
      ValueError: as `rnnx.gradient_flow`; a cell that can't be stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8, forget_bias=-2.0)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> bool(bias_of_truncation(cell, params, xs, lambda ys: ys[-1].sum()).smallest_k < 10)  # it forgets fast
    True
    """
    return _bias(gradient_flow(cell, params, xs, loss, lengths=lengths), tolerance)


def _bias(flow: GradientFlow, tolerance: float) -> TruncationBias:
    g = flat(flow.param_gradients)

    def visit(part: Params, older: Params) -> tuple[Array, Array]:
        # At lag k the older steps are what K = k + 1 leaves out.
        left_out = flat(older)
        return cosine(g - left_out, g), 10 ** (log10_norm(left_out) - log10_norm(g))

    (cosines, errors), _ = scan_lags("truncation_bias", flow, visit)
    there = jnp.arange(len(errors), dtype=flow.last.dtype) <= jnp.max(flow.last)
    cosines, errors = (jnp.where(there, curve, jnp.nan) for curve in (cosines, errors))
    smallest = jnp.argmax(errors < tolerance).astype(errors.dtype) + 1
    unknown = jnp.any(there & jnp.isnan(errors))
    return TruncationBias(cosines, errors, jnp.where(unknown, jnp.nan, smallest))
