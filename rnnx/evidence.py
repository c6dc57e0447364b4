"""What one backward pass shows, gathered for the diagnostics."""

from collections.abc import Callable

import jax.numpy as jnp

from rnnx.gradient_flow import gradient_flow
from rnnx.types import Array, Cell, Evidence, Params


def evidence(
    cell: Cell,
    params: Params,
    xs: Array,
    loss: Callable[[Array], Array],
    *,
    last: Array | None = None,
    lengths: Array | None = None,
) -> Evidence:
    """Run `rnnx.gradient_flow` and keep beside it what a diagnostic may need.

    Args:
      cell, params, xs, loss, lengths: as for `rnnx.gradient_flow`.
      last: `[B]`, index of the step whose outputs the loss scores; each example's last step if not given. Lags are
        counted back from it.

    Returns:
      `Evidence`, for `rnnx.diagnostics.get(name)(evidence)`.

    Raises:
      ValueError: as `rnnx.unroll`; inputs without a batch axis.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> found = rnnx.evidence(cell, params, xs, loss=lambda ys: ys[-1].sum())
    >>> float(rnnx.diagnostics.get("gates")(found)["gates/forget/mean"]) > 0.5
    True
    """
    xs = jnp.asarray(xs)
    if xs.ndim != 3:
        raise ValueError(f"xs must be [T, B, I], not {list(xs.shape)}.")
    flow = gradient_flow(cell, params, xs, loss, lengths=lengths)
    T, B, _ = xs.shape
    if last is None:
        last = (jnp.full(B, T) if lengths is None else jnp.minimum(jnp.asarray(lengths), T)) - 1
    return Evidence(cell, params, xs, jnp.asarray(last), flow, None if lengths is None else jnp.asarray(lengths))
