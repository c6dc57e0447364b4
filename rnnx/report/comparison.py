"""Two studies side by side: what was set differently, and which measurements differ by more than seeds do."""

import math
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
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
    def unit(self) -> str:
        """What the metric is measured in; of a loss, that of the task."""
        return self.metric.unit or self.group.trials[0].loss_unit

    @property
    def moved(self) -> bool:
        """Whether the difference can be told from seed noise."""
        return self.difference.verdict in ("higher", "lower")

    @property
    def beyond(self) -> float:
        """The difference in units of seed noise, above 1 where it can be told from it; `inf` if seeds make none.

        The unit is how far the interval reaches from the difference towards zero.
        """
        value, low, high = self.difference[:3]
        noise = abs(value - (low if value > 0 else high))
        return abs(value) / noise if noise else math.inf

    @property
    def apart(self) -> bool:
        """Whether every value of one study is above all of the other."""
        one, other = (values.values() for values in self.values)
        return max(one) < min(other) or max(other) < min(one)

    @property
    def relative(self) -> float:
        """The size of the difference, as a share of the larger median or of the metric's scale."""
        sizes = (abs(float(spread.median)) for spread in self.spreads)
        return abs(self.difference.value) / (max(self.metric.scale, *sizes) or 1.0)


class Reached(NamedTuple):
    """How many seeds of a group that both studies have came to memory; see `Trial.reached`."""

    group: Group
    """That of the first study."""
    counts: tuple[int, int]
    seeds: tuple[int, int]
    """In each study, those that failed, or are not finished or not started, too."""

    @property
    def shares(self) -> tuple[float, float]:
        """In each study, the share of the seeds."""
        return self.counts[0] / self.seeds[0], self.counts[1] / self.seeds[1]


class Comparison(NamedTuple):
    """All that is to be told of two studies."""

    names: tuple[str, str]
    """What they are called; see `short_names`."""
    studies: tuple[Study, Study]
    settings: list[Change]
    """Of the groups that both studies have; of all where there is none."""
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
    def moved(self) -> list[ComparisonRow]:
        """What can be told from seed noise, first what is furthest beyond it."""
        return sorted((row for row in self.rows if row.moved), key=lambda row: (-row.beyond, -row.relative))

    @property
    def unjudged(self) -> list[ComparisonRow]:
        """What has too few seeds, first where no values of the two studies overlap, and there the largest shifts."""
        return sorted(self.rows_with("too few seeds"), key=lambda row: (not row.apart, -row.relative))

    @property
    def reached_otherwise(self) -> list[Reached]:
        """The groups of which another share of seeds came to memory, first where it is most so."""
        changed = [reached for reached in self.reached if reached.shares[0] != reached.shares[1]]
        return sorted(changed, key=lambda reached: -abs(reached.shares[1] - reached.shares[0]))

    def rows_with(self, verdict: str) -> list[ComparisonRow]:
        """The rows of one verdict; see `statistics.Difference.verdict`."""
        return [row for row in self.rows if row.difference.verdict == verdict]

    @property
    def without(self) -> tuple[int, int]:
        """In each study, how many of the compared trials lack a number that others of their group have."""
        most: dict[tuple[str, int, str], list[int]] = {}
        for row in self.rows:
            lack = [trials - len(values) for trials, values in zip(row.trials, row.values, strict=True)]
            of_group = most.setdefault(row.group[:3], [0, 0])
            of_group[:] = map(max, of_group, lack)
        one, other = (sum(counts) for counts in zip(*most.values(), strict=True)) if most else (0, 0)
        return one, other


def short_names(one: Path, other: Path) -> tuple[str, str]:
    """What two directories are called: as few of their last folders as tell them apart.

    >>> short_names(Path("runs/before"), Path("/data/runs/after"))
    ('before', 'after')
    >>> short_names(Path("old/flow"), Path("new/flow"))
    ('old/flow', 'new/flow')
    """
    first, second = (Path(os.path.abspath(path)).parts for path in (one, other))
    depth = 1
    while first[-depth:] == second[-depth:] and depth < max(len(first), len(second)):
        depth += 1
    return str(Path(*first[-depth:])), str(Path(*second[-depth:]))


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
    matched = list(zip(*pairs, strict=True)) or [study.groups for study in studies]
    return Comparison(
        names=names,
        studies=(studies[0], studies[1]),
        settings=_changes(*([view.settings for group in groups for view in group.trials] for groups in matched)),
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
