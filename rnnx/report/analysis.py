"""One measurement as a picture, by the name of the measurement."""

import functools
from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from rnnx.report import (
    gate_time_scales,
    jacobian_products,
    lyapunov,
    panels,
    paths,
    trajectories,
    truncation_bias,
    wall,
    weight_by_lag,
)
from rnnx.report.panels import Panel

_LAG = "lag k (steps before the scored one)"


def _against_lag(y: str, tag: str) -> Callable[[dict[str, Any], str], Figure | None]:
    return functools.partial(panels.draw_one, panels=(Panel(_LAG, y, {"": tag}),))


_DRAWINGS: dict[str, Callable[[dict[str, Any], str], Figure | None]] = {
    "gates": gate_time_scales.draw_one,
    "input_gradient": _against_lag("log$_{10}$ ‖∂L/∂x$_{T-k}$‖", "input_gradient/log10_norm"),
    "jacobian_products": jacobian_products.draw_one,
    "log_state_gradient": _against_lag("log$_{10}$ ‖∂L/∂s$_{T-k}$‖", "log_state_gradient/log10_norm"),
    "lyapunov": lyapunov.draw_one,
    "paths": paths.draw_one,
    "trajectories": trajectories.draw_one,
    "truncation_bias": truncation_bias.draw_one,
    "wall": wall.draw_one,
    "weight_gradient_by_lag": weight_by_lag.draw_one,
}


def figure(name: str, values: dict[str, Any], title: str) -> Figure | None:
    """The picture of a measurement; `None` for one that has no curves, or whose curves are not among the values.

    Args:
      name: of the measurement, as in `rnnx.diagnostics`.
      values: `{tag: value}` as they stand in `metrics.jsonl`: curves as lists, histograms as `edges` and `counts`.
      title: of the picture.

    >>> drawn = figure("lyapunov", {"lyapunov/spectrum": [-0.1, -0.5]}, "a network of two units")
    >>> [axes.get_xlabel() for axes in drawn.axes]
    ['i, from the largest']
    >>> figure("omega", {"omega/value": 1.0}, "one number") is None
    True
    """
    draw = _DRAWINGS.get(name)
    return draw(values, title) if draw else None
