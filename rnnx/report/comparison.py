"""Two studies side by side: what was set differently, and which measurements differ by more than seeds do."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from rnnx.pytrees import flatten_dict
from rnnx.report.metrics import METRICS, Metric
from rnnx.report.statistics import Difference, MedianRange, difference, median_range, rounding
from rnnx.report.study import Group, Study, relabel, text
from rnnx.report.trial import Trial


class Change(NamedTuple):
    """A setting, or a part of where results come from, that is not the same in both studies."""

    name: str
    values: tuple[str, str]
    """All values in each study, with commas between."""


class ComparisonRow(NamedTuple):
    """A metric of a group that both studies have."""

    metric: Metric
    group: Group
    """That of the first study."""
    values: tuple[dict[int, float], dict[int, float]]
    """In each study, by seed; without the trials that have no finite number."""
    trials: tuple[int, int]
    """In each study, those without a number too."""
    difference: Difference

    @property
    def spreads(self) -> tuple[MedianRange, MedianRange]:
        """Median and range in each study."""
        return median_range(self.values[0].values()), median_range(self.values[1].values())

    @property
    def title(self) -> str:
        """Name and unit of the metric."""
        return f"{self.metric.name} ({self.metric.unit or self.group.trials[0].loss_unit})"


class Reached(NamedTuple):
    """How many seeds of a group that both studies have came to memory; see `Trial.reached`."""

    group: Group
    """That of the first study."""
    counts: tuple[int, int]
    seeds: tuple[int, int]
    """In each study, those that failed, or are not finished or not started, too."""


class Comparison(NamedTuple):
    """All that is to be told of two studies."""

    names: tuple[str, str]
    """What they are called, as the user wrote it."""
    studies: tuple[Study, Study]
    settings: list[Change]
    origins: list[Change]
    """Versions, machine, code and data."""
    rows: list[ComparisonRow]
    """By metric, task, length and variant."""
    reached: list[Reached]
    """Of the tasks that have a loss without memory."""
    speeds: list[float]
    """Training steps per second of the second study over those of the first, for each group that has both."""
    alone: tuple[list[Group], list[Group]]
    """The groups that the other study lacks."""

    @property
    def tasks(self) -> list[str]:
        """Labels of the tasks that are compared."""
        return list(dict.fromkeys(row.group.task for row in self.rows))

    @property
    def metrics(self) -> list[Metric]:
        """What is compared, in order."""
        return list({row.metric.name: row.metric for row in self.rows}.values())

    def rows_of(self, metric: Metric, task: str) -> list[ComparisonRow]:
        """The groups of a task that have a metric."""
        return [row for row in self.rows if row.metric.name == metric.name and row.group.task == task]


def compare(one: Study, other: Study, names: tuple[str, str]) -> Comparison:
    """Match the groups of two studies by task, length and variant, and compare every metric of each."""
    studies = relabel(one, other)
    of_one, of_other = ({group[:3]: group for group in study.groups} for study in studies)
    tasks, variants = studies[0].tasks, studies[0].variants
    both = sorted(
        of_one.keys() & of_other.keys(), key=lambda key: (tasks.index(key[0]), key[1], variants.index(key[2]))
    )
    pairs = [(of_one[key], of_other[key]) for key in both]
    rows = [_row(*compared, *pair) for compared in _compared([*one.trials, *other.trials]) for pair in pairs]
    return Comparison(
        names=names,
        studies=(studies[0], studies[1]),
        settings=_changes(*([view.settings for view in study.views] for study in studies)),
        origins=_changes(*([_origin(trial) for trial in study.trials] for study in studies)),
        rows=[row for row in rows if row is not None],
        reached=[_reached(studies, *pair) for pair in pairs if np.isfinite(pair[0].trials[0].floor)],
        speeds=[ratio for first, second in pairs if np.isfinite(ratio := _speed(second) / _speed(first))],
        alone=(
            [group for key, group in of_one.items() if key not in of_other],
            [group for key, group in of_other.items() if key not in of_one],
        ),
    )


_STAGES = {"before": "before training", "after": "after training"}


def _compared(trials: list[Trial]) -> Iterator[tuple[Metric, str]]:
    """What is compared, and at which stage; of the metrics of tasks those that trials have."""
    tags = sorted({tag for trial in trials for tag in trial.after})
    for metric in METRICS:
        for stage in metric.compared:
            if metric.which:
                for tag in tags:
                    if own := metric.name_in([tag]):
                        yield metric._replace(tag=re.escape(tag), name=own.replace("_", " "), which=""), stage
            elif len(metric.compared) > 1:
                yield metric._replace(name=f"{metric.name} {_STAGES[stage]}"), stage
            else:
                yield metric, stage


def _row(metric: Metric, stage: str, one: Group, other: Group) -> ComparisonRow | None:
    """`None` where one of them has no number."""
    first, second = (
        {trial.settings["seed"]: value for trial in group.trials if np.isfinite(value := metric.of(trial, stage))}
        for group in (one, other)
    )
    if not first or not second:
        return None
    result = difference(first, second, rounding(*first.values(), *second.values(), scale=metric.scale))
    return ComparisonRow(metric, one, (first, second), (len(one.trials), len(other.trials)), result)


def _reached(studies: tuple[Study, ...], *groups: Group) -> Reached:
    first, second = (sum(trial.reached for trial in group.trials) for group in groups)
    seeds, others = (len(g.trials) + study.not_started_of(g) for study, g in zip(studies, groups, strict=True))
    return Reached(groups[0], (first, second), (seeds, others))


def _speed(group: Group) -> float:
    """Training steps per second of all trials of a program together, the median; NaN if none is recorded."""
    tag = "performance/steps_per_second"
    speeds = [record.get("width", 1) * record[tag] for trial in group.trials for record in trial.performance]
    return float(median_range(speeds).median) if speeds else np.nan


def _origin(trial: Trial) -> dict[str, Any]:
    """What of a record tells where the result comes from, flat."""
    return flatten_dict(
        {key: value for key, value in trial.origin.items() if key not in ("task_facts", "argv", "started")}
    )


def _changes(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[Change]:
    """The fields whose values over all trials are not the same in both studies."""
    fields = dict.fromkeys(field for settings in (*one, *other) for field in settings)
    changes = [Change(field, (_values(one, field), _values(other, field))) for field in fields]
    return [change for change in changes if change.values[0] != change.values[1]]


def _values(trials: Iterable[dict[str, Any]], field: str) -> str:
    values = {text(settings[field]): settings[field] for settings in trials if field in settings}
    numbers = all(isinstance(value, int | float) for value in values.values())
    return ", ".join(sorted(values, key=lambda shown: values[shown] if numbers else shown)) or "not set"
