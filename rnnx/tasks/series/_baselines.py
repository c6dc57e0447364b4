"""What a network that forecasts has to beat: the last value, the mean of the window, and linear autoregression.

    persistence    x̂_t = x_{t-h}
    window mean    x̂_t = mean of the window
    AR(k)          x̂_t = b + Σ_{i<k} w_i x_{t-h-i}      w, b by least squares on the targets that are trained on

An autoregression is of one series by its own past, with w and b shared by all series, or of each its own.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from rnnx.types import Array, Batch

if TYPE_CHECKING:
    from rnnx.tasks.series._forecasting import Problem

Predictor = Callable[[Batch], Array]


def baselines(problem: "Problem", window: int) -> dict[str, Predictor]:
    """The predictors for windows of a length, by name; nothing is fitted until one is called."""
    O = problem.outputs
    found: dict[str, Predictor] = {
        "persistence": lambda batch: batch.inputs[-1:, :, :O],
        "window mean": lambda batch: jnp.mean(batch.inputs[..., :O], axis=0, keepdims=True),
    }
    for order in sorted({order for order in (*problem.orders, window) if order <= window}):
        kinds = {"shared": True, "per series": False} if O > 1 else {"": True}
        for kind, shared in kinds.items():
            name = f"AR({order}) {kind}".strip()
            found[name] = functools.partial(_autoregression, problem, window, order, shared)
    return found


def _autoregression(problem: "Problem", window: int, order: int, shared: bool, batch: Batch) -> Array:
    weights = _fitted(problem, window, order, shared)
    past = batch.inputs[-order:, :, : problem.outputs]
    forecast = jnp.einsum("tbo,to->bo", past, jnp.asarray(weights[:-1], past.dtype))
    return (forecast + jnp.asarray(weights[-1], past.dtype))[None]


@functools.lru_cache(maxsize=16)
def _fitted(problem: "Problem", window: int, order: int, shared: bool) -> np.ndarray:
    """Weights of the past, the oldest first, and a constant, `[order + 1, O]`: of all series the same, or of each."""
    t = np.asarray(problem.of(problem.fitted or problem.train, window, "is fitted to"))
    x = problem.scaled[:, : problem.outputs].astype(float)
    past = x[t[:, None] - problem.horizon - np.arange(order)[::-1]]  # [targets, order, O]
    rows = np.concatenate([past, np.ones((len(t), 1, past.shape[2]))], axis=1)
    if shared:
        weights = _solved(np.moveaxis(rows, 2, 1).reshape(-1, order + 1), x[t].reshape(-1))
        return np.repeat(weights[:, None], past.shape[2], axis=1)
    return np.stack([_solved(rows[..., n], x[t, n]) for n in range(past.shape[2])], axis=1)


def _solved(rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    # By a triangle of few rows, of which a pseudo-inverse is quick.
    triangle = np.linalg.qr(np.column_stack([rows, targets]), mode="r")
    solution, *_ = np.linalg.lstsq(triangle[:, :-1], triangle[:, -1], rcond=None)
    return solution
