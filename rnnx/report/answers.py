"""What each question of the report is answered with in words: of the longest length, network by network."""

import numpy as np

from rnnx.report import decay, findings, words
from rnnx.report.figures import _titles
from rnnx.report.pages.format import digits
from rnnx.report.reach import kept
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow


def sentences(study: Study, task: str, rows: list[SummaryRow]) -> dict[str, list[str]]:
    """By the name of the question; see `rnnx.report.pages.questions`."""
    of_task = [row for row in rows if row.group.task == task]
    length = max(row.group.length for row in of_task)
    longest = [row for row in of_task if row.group.length == length]
    stage = findings.latest_stage(study, task)
    when = f"At T = {length}, {_titles.stage_labels(study.groups_of(task))[stage]},"
    return {
        "model": [],
        "where": [],
        "when": [*findings.reached(study, task, "before"), *decay.sentences(study, task, rows)],
        "through": _each(
            f"{when} the mean of the memory gate, which keeps all where it is 1, is", "gate_mean", longest
        ),
        "weights": _each(
            f"{when} the share of the weight gradient that comes from ten or more steps back is", "older", longest
        ),
        "clipped": _clipped(of_task),
        "learnt": findings.learning(of_task, kept(study, task, stage), findings.at_each_length),
        "others": [],
    }


def _each(beginning: str, key: str, rows: list[SummaryRow]) -> list[str]:
    """A number of each network that has one, after training and before it."""
    share = key == "older"

    def shown(row: SummaryRow, stage: str) -> str:
        return digits(float(row.of(key, stage).median), ".0%" if share else ".2f").replace("%", " %")

    stage = "after" if any(not np.isnan(row.of(key).median) for row in rows) else "before"
    known = [row for row in rows if not np.isnan(row.of(key, stage).median)]
    if not known:
        return []

    def before(row: SummaryRow) -> str:
        return f" ({shown(row, 'before')} before)" if stage == "after" else ""

    each = words.listed(f"{shown(row, stage)} in {words.network(row.group.variant)}{before(row)}" for row in known)
    return [f"{beginning} {each}."]


def _clipped(rows: list[SummaryRow]) -> list[str]:
    """How many steps were, and where the most."""
    known = [row for row in rows if not np.isnan(row.of("clipped", "training").high)]
    if not known:
        return []
    most = max(known, key=lambda row: float(row.of("clipped", "training").high))
    share = float(most.of("clipped", "training").high)
    if not share:
        return ["No step was clipped."]
    where = f"{words.network(words.without_part(most.group.variant))} at T = {most.group.length}"
    return [f"At most {100 * share:.2g} % of the steps of a trial were clipped, in {where}."]
