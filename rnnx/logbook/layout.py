"""The Custom Scalars page of TensorBoard: the study's cells side by side, then all runs in one chart."""

from collections.abc import Iterable
from typing import Any

from rnnx.report.metrics import METRICS, by_cell_tags


def by_cell(cell: str, values: dict[str, Any]) -> dict[str, Any]:
    """The compared values again under tags with the cell's name, because a chart selects by tag and not by run."""
    return {f"by_cell/{cell}/{tag}": values[tag] for tag in by_cell_tags(values)}


def layout(cell: str, diagnostics: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """`{category: {chart: [regular expressions of tags]}}` of a run with this cell that takes these measurements.

    TensorBoard puts the charts of all runs together, so that there is a chart for each cell of the study and no other.
    A chart has a line for each part of a model that has several.
    """
    measured = {"train", "heldout", *diagnostics}
    metrics = [metric for metric in METRICS if metric.source in measured]
    charts: dict[str, dict[str, list[str]]] = {}
    for metric in metrics:
        if metric.by_cell:
            charts[metric.title] = {f"{cell}: {metric.title}": [f"^by_cell/{cell}/{metric.pattern}$"]}
    for metric in metrics:
        if metric.chart:
            charts.setdefault(metric.chart, {})[metric.title] = [f"^{metric.pattern}$"]
    return charts
