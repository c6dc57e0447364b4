"""Rows by the folder of their task: what is made up, language, images, …"""

from rnnx import registry
from rnnx.report import summary
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow

HEADINGS = {
    "synthetic": "Made up",
    "language": "Language",
    "images": "Images",
    "speech": "Speech",
    "music": "Music",
    "series": "Time series",
    "trees": "Trees",
}

OF_ALL_STEPS = ("digit_strings",)
"""Tasks whose loss reads the state of every step, so that no lag tells how far a gradient has come."""


def groups(read: Study) -> dict[str, list[SummaryRow]]:
    """The rows under each heading that has any, in the order of the study."""
    found: dict[str, list[SummaryRow]] = {heading: [] for heading in HEADINGS.values()}
    for row in summary.rows(read):
        module = registry.module("rnnx.tasks", row.group.trials[0].settings["task.name"])
        found[HEADINGS[module.__name__.split(".")[2]]].append(row)
    return {heading: rows for heading, rows in found.items() if rows}
