"""Rows by the folder of their task: what is made up, language, images, …"""

from rnnx import registry
from rnnx.references import is_reference
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

_OWN = "Your own"

OF_ALL_STEPS = ("digit_strings",)
"""Tasks whose loss reads the state of every step, so that no lag tells how far a gradient has come."""


def done(read: Study) -> Study:
    """The same with nothing but the trials that are done, in all that is counted too."""
    groups = (group._replace(trials=tuple(t for t in group.trials if t.status == "done")) for group in read.groups)
    return read._replace(groups=tuple(group for group in groups if group.trials), not_started=(), waiting=())


def groups(read: Study) -> dict[str, list[SummaryRow]]:
    """The rows under each heading that has any, in the order of the study."""
    found: dict[str, list[SummaryRow]] = {heading: [] for heading in (*HEADINGS.values(), _OWN)}
    for row in summary.rows(read):
        name = row.group.trials[0].settings["task.name"]
        folder = "" if is_reference(name) else registry.module("rnnx.tasks", name).__name__.split(".")[2]
        found[HEADINGS.get(folder, _OWN)].append(row)
    return {heading: rows for heading, rows in found.items() if rows}
