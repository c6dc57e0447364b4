"""The Custom Scalars page of TensorBoard: the study's cells side by side, then all runs in one chart."""

from collections.abc import Iterable
from typing import Any

_COMPARED = {
    "held-out loss": "heldout/loss",
    "decay rate of the state gradient (nats per step)": "state_gradient/state/decay_rate",
    "horizon of the state gradient (steps)": "state_gradient/state/horizon",
    "share of examples whose gradient explodes": "state_gradient/state/exploding",
    "share of the weight gradient older than 10 steps": "weight_gradient_by_lag/all/share_older_than_10",
}

_ALL_RUNS = {
    "All runs: loss": {"training": "train/loss", "held out": "heldout/loss"},
    "All runs: how far back the gradient reaches": {
        "decay rate (nats per step)": "state_gradient/state/decay_rate",
        "horizon (steps)": "state_gradient/state/horizon",
        "decay rate along h": "state_gradient/h/decay_rate",
        "decay rate along c": "state_gradient/c/decay_rate",
        "share of examples that explode": "state_gradient/state/exploding",
        "largest Lyapunov exponent (nats per step)": "lyapunov/largest",
    },
    "All runs: where the weight gradient comes from": {
        "share older than 10 steps": "weight_gradient_by_lag/all/share_older_than_10",
        "how much of it the steps leave of each other": "weight_gradient_by_lag/all/cancellation",
        "smallest admissible truncation (steps)": "truncation_bias/smallest_k",
    },
    "All runs: size of the gradient": {
        "norm before clipping": "train/gradient_norm",
        "norm before clipping, 95 % quantile": "train/gradient_norm_q95",
        "share of steps clipped": "train/clipped",
        "log10 norm, recurrent kernel": "weight_gradient/recurrent_kernel/log10_norm",
        "log10 norm, input kernel": "weight_gradient/input_kernel/log10_norm",
        "noise scale (examples)": "noise_scale/noise_scale",
    },
    "All runs: gates and units": {
        "mean of the gates": "gates/[a-z]+/mean",
        "share of saturated units": "hidden_units/saturated",
    },
}


def by_cell(cell: str, values: dict[str, Any]) -> dict[str, Any]:
    """The compared values again under tags with the cell's name, because a chart selects by tag and not by run."""
    return {f"by_cell/{cell}/{tag}": values[tag] for tag in _COMPARED.values() if tag in values}


def layout(cell: str, measurements: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """`{category: {chart: [regular expressions of tags]}}` of a run with this cell that takes these measurements.

    TensorBoard puts the charts of all runs together, so that there is a chart for each cell of the study and no other.
    """
    shown = {"train", "heldout", *measurements}
    side_by_side = {
        title: {f"{cell}: {title}": [f"^by_cell/{cell}/{tag}$"]}
        for title, tag in _COMPARED.items()
        if tag.partition("/")[0] in shown
    }
    together = {
        title: {name: [f"^{tag}$"] for name, tag in charts.items() if tag.partition("/")[0] in shown}
        for title, charts in _ALL_RUNS.items()
    }
    return side_by_side | {title: charts for title, charts in together.items() if charts}
