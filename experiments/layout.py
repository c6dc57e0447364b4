"""The Custom Scalars page of TensorBoard: the study's cells side by side, then all runs in one chart."""

from typing import Any

_COMPARED = {
    "held-out loss": "heldout/loss",
    "decay rate of the state gradient (nats per step)": "state_gradient/state/decay_rate",
    "horizon of the state gradient (steps)": "state_gradient/state/horizon",
}


def by_cell(cell: str, values: dict[str, Any]) -> dict[str, Any]:
    """The compared values again under tags with the cell's name, because a chart selects by tag and not by run."""
    return {f"by_cell/{cell}/{tag}": values[tag] for tag in _COMPARED.values() if tag in values}


def layout(cell: str) -> dict[str, dict[str, list[str]]]:
    """`{category: {chart: [regular expressions of tags]}}` of a run with this cell.

    TensorBoard puts the charts of all runs together, so that there is a chart for each cell of the study and no other.
    """
    side_by_side = {title: {f"{cell}: {title}": [f"^by_cell/{cell}/{tag}$"]} for title, tag in _COMPARED.items()}
    return side_by_side | {
        "All runs: loss": {"training": ["^train/loss$"], "held out": ["^heldout/loss$"]},
        "All runs: how far back the gradient reaches": {
            "decay rate (nats per step)": ["^state_gradient/state/decay_rate$"],
            "horizon (steps)": ["^state_gradient/state/horizon$"],
            "decay rate along h": ["^state_gradient/h/decay_rate$"],
            "decay rate along c": ["^state_gradient/c/decay_rate$"],
        },
        "All runs: size of the gradient": {
            "norm before clipping": ["^train/gradient_norm$"],
            "share of steps clipped": ["^train/clipped$"],
            "log10 norm, recurrent kernel": ["^weight_gradient/recurrent_kernel/"],
            "log10 norm, input kernel": ["^weight_gradient/input_kernel/"],
        },
        "All runs: gates and units": {
            "mean of the gates": ["^gates/[a-z]+/mean$"],
            "share of saturated units": ["^hidden_units/saturated$"],
        },
    }
