"""How fast the gradient decays, before training and after it, and what the initial values have done to it."""

from collections import defaultdict

import numpy as np

from rnnx.report import words
from rnnx.report.figures import _titles
from rnnx.report.statistics import MedianRange, rounding
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow


def sentences(study: Study, task: str, rows: list[SummaryRow]) -> list[str]:
    """Where the gradient decays slowest and fastest at the longest length, at both stages; then a sentence on each
    setting of the initialisation in which networks differ.

    Networks that rounding or the range over seeds does not tell apart are first or last together.
    """
    of_task = [row for row in rows if row.group.task == task]
    length = max(row.group.length for row in of_task)
    longest = [
        row
        for row in of_task
        if row.group.length == length and not any(trial.against_time for trial in row.group.trials)
    ]
    labels = _titles.stage_labels(study.groups_of(task, length))
    rates = {
        stage: {row.group.variant: row.of("decay_rate", stage) for row in longest if _known(row, stage)}
        for stage in labels
    }
    told = [
        f"At T = {length}, {label}, the gradient {_decay(rates[stage], length)}."
        for stage, label in labels.items()
        if rates[stage]
    ]
    return told + _initialisation(longest)


def _known(row: SummaryRow, stage: str) -> bool:
    return not np.isnan(row.of("decay_rate", stage).median)


def _decay(rates: dict[str, MedianRange], length: int) -> str:
    order = sorted(rates, key=lambda variant: float(rates[variant].median), reverse=True)
    best, worst = rates[order[0]], rates[order[-1]]
    slowest = {variant: rates[variant] for variant in order if _tied(rates[variant], best)}
    fastest = {variant: rates[variant] for variant in order if _tied(rates[variant], worst)}
    first, last = _verb(best, length), _verb(worst, length)
    if len(slowest) == len(order):
        return f"{first} {_owners(slowest)}"
    if first == last == "hardly changes":
        return f"{first} {_owners(rates)}"
    how = {"grows": ("fastest", "slowest"), "decays": ("slowest", "fastest"), "hardly changes": ("", "")}
    begin = f"{first} {how[first][0]}".rstrip()
    end = f"{last} {how[last][1]}".rstrip()
    return f"{begin} {_owners(slowest)}, and {end} {_owners(fastest)}"


def _verb(rate: MedianRange, length: int) -> str:
    """What a change by less than a factor e over the whole sequence is called, and any other."""
    if abs(float(rate.median)) * (length - 1) < 1:
        return "hardly changes"
    return "grows" if rate.median > 0 else "decays"


def _owners(rates: dict[str, MedianRange]) -> str:
    """For example `in the RNN, by 0.30 nats per step`, or several of which none can be told from the first or last."""
    where = f"in {words.networks(rates)}"
    values = list(dict.fromkeys(f"{abs(float(rate.median)):#.2g}" for rate in rates.values()))
    by = f"by {values[0]} nats per step" if len(values) == 1 else f"by {words.listed(values)} nats per step"
    if len(rates) == 1:
        return f"{where}, {by}"
    why = "which rounding alone sets apart" if _rounded_alike(*rates.values()) else "which these seeds don't tell apart"
    return f"{where}, {by}, {why}"


def _tied(one: MedianRange, other: MedianRange) -> bool:
    """Whether neither the seeds, whose ranges overlap, nor float32 can tell two decay rates apart."""
    error = rounding(one.median, other.median, scale=1.0)
    return bool(one.low <= other.high + error and other.low <= one.high + error)


def _rounded_alike(*rates: MedianRange) -> bool:
    """Whether rates differ by nothing but rounding: median, lowest and highest."""
    return all(np.ptp(bounds) <= rounding(*bounds, scale=1.0) for bounds in zip(*rates, strict=True))


_AT_THE_START = ("bias", "initializer")
"""Endings of the settings that decide the network before training."""


def _initialisation(rows: list[SummaryRow]) -> list[str]:
    """A sentence on each set of variants that differ in one setting of their initialisation alone."""
    settings = [row.group.trials[0].settings for row in rows]
    fields = sorted({field for of_row in settings for field in of_row if field.endswith(_AT_THE_START)})
    return [sentence for field in fields for sentence in _effect_of(field, rows)]


def _effect_of(field: str, rows: list[SummaryRow]) -> list[str]:
    alike: dict[str, list[SummaryRow]] = defaultdict(list)
    for row in rows:
        settings = {key: value for key, value in row.group.trials[0].settings.items() if key not in (field, "seed")}
        if field in row.group.trials[0].settings and _known(row, "before"):
            alike[repr(settings)].append(row)
    return [
        f"What {field.rpartition('.')[2].replace('_', ' ')} did to the decay rate, in nats per step: "
        + "; ".join(
            f"{_signed(row.of('decay_rate', 'before'))} before and {_signed(row.of('decay_rate'))} after training in "
            f"{words.network(row.group.variant).replace('_', ' ')}"
            for row in members
        )
        + "."
        for members in alike.values()
        if len(members) > 1
    ]


def _signed(rate: MedianRange) -> str:
    return "unknown" if np.isnan(rate.median) else f"{float(rate.median):#.2g}".replace("-", "−")
