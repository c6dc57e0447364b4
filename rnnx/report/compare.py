"""Two studies side by side: what was set differently, and which measurements differ by more than seeds do."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from rnnx.report.compare_difference import Difference, difference
from rnnx.report.spread import Spread, spread
from rnnx.report.study import Group, Study, named_alike, text
from rnnx.report.summary import is_metric
from rnnx.report.trial import Trial, number
from rnnx.settings import flatten


class Metric(NamedTuple):
    """A number that a trial comes to."""

    name: str
    unit: str
    """Empty for the loss: its unit is that of the task."""
    value: Callable[[Trial], float]
    """NaN where the trial has not measured it."""
    form: str = ""
    """How its digits are written; see `page.digits`."""


class Change(NamedTuple):
    """A setting, or a part of where results come from, that is not the same in both studies."""

    name: str
    values: tuple[str, str]
    """All values in each study, with commas between."""


class Row(NamedTuple):
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
    def spreads(self) -> tuple[Spread, Spread]:
        """Median and range in each study."""
        return spread(self.values[0].values()), spread(self.values[1].values())

    @property
    def title(self) -> str:
        """Name and unit of the metric."""
        return f"{self.metric.name} ({self.metric.unit or self.group.trials[0].loss_unit})"


class Comparison(NamedTuple):
    """All that is to be told of two studies."""

    names: tuple[str, str]
    """What they are called, as the user wrote it."""
    studies: tuple[Study, Study]
    settings: list[Change]
    origins: list[Change]
    """Versions, machine, code and data."""
    rows: list[Row]
    """By metric, task, length and variant."""
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

    def rows_of(self, metric: Metric, task: str) -> list[Row]:
        """The groups of a task that have a metric."""
        return [row for row in self.rows if row.metric.name == metric.name and row.group.task == task]


def compare(one: Study, other: Study, names: tuple[str, str]) -> Comparison:
    """Match the groups of two studies by task, length and variant, and compare every metric of each."""
    studies = named_alike(one, other)
    here, there = ({group[:3]: group for group in study.groups} for study in studies)
    tasks, variants = studies[0].tasks, studies[0].variants
    both = sorted(here.keys() & there.keys(), key=lambda key: (tasks.index(key[0]), key[1], variants.index(key[2])))
    rows = [_row(m, here[key], there[key]) for m in _metrics([*one.trials, *other.trials]) for key in both]
    return Comparison(
        names=names,
        studies=(studies[0], studies[1]),
        settings=_changes(*([trial.settings for trial in study.trials] for study in studies)),
        origins=_changes(*([_origin(trial) for trial in study.trials] for study in studies)),
        rows=[row for row in rows if row is not None],
        speeds=[ratio for key in both if np.isfinite(ratio := _speed(there[key]) / _speed(here[key]))],
        alone=(
            [group for key, group in here.items() if key not in there],
            [group for key, group in there.items() if key not in here],
        ),
    )


_GRADIENT = "state_gradient/state"
_OLDER = "weight_gradient_by_lag/all/share_older_than_10"
_KERNEL = "weight_gradient/recurrent_kernel/log10_norm"


def _metrics(trials: list[Trial]) -> Iterator[Metric]:
    """What is compared; the metrics of tasks are those that trials have."""
    own = sorted({tag for trial in trials for tag in trial.after if is_metric(tag)})
    yield _after("held-out loss", "", "heldout/loss")
    for tag in own:
        yield _after(tag.removeprefix("heldout/").replace("_", " "), "held out", tag)
    for when, moment in (("before", "before training"), ("after", "after training")):
        yield Metric(f"decay rate {moment}", "nats per step", _number(when, f"{_GRADIENT}/decay_rate"), ".3f")
        yield Metric(f"horizon {moment}", "steps", _number(when, f"{_GRADIENT}/horizon"), "g")
    yield _after("examples whose gradient explodes", "share", f"{_GRADIENT}/exploding", ".2f")
    yield _after("weight gradient older than 10 steps", "share", _OLDER, ".2f")
    yield _after("recurrent weight gradient", "log10 of its norm", _KERNEL, ".2f")
    yield Metric("gradient norm in training", "median over records", _gradient_norm)


def _after(name: str, unit: str, tag: str, form: str = "") -> Metric:
    return Metric(name, unit, _number("after", tag), form)


def _number(when: str, tag: str) -> Callable[[Trial], float]:
    return lambda trial: number(getattr(trial, when), tag)


def _gradient_norm(trial: Trial) -> float:
    norms = [record["train/gradient_norm"] for record in trial.records if "train/gradient_norm" in record]
    return float(np.median(norms)) if norms else np.nan


def _row(metric: Metric, one: Group, other: Group) -> Row | None:
    """`None` where one of them has no number."""
    here, there = (
        {trial.settings["seed"]: value for trial in group.trials if np.isfinite(value := metric.value(trial))}
        for group in (one, other)
    )
    if not here or not there:
        return None
    return Row(metric, one, (here, there), (len(one.trials), len(other.trials)), difference(here, there))


def _speed(group: Group) -> float:
    """Training steps per second of all trials of a program together, the median; NaN if none is recorded."""
    tag = "performance/steps_per_second"
    found = [record.get("width", 1) * record[tag] for trial in group.trials for record in trial.performance]
    return float(spread(found).median) if found else np.nan


def _origin(trial: Trial) -> dict[str, Any]:
    """What of a record tells where the result comes from, flat."""
    return flatten({key: value for key, value in trial.origin.items() if key not in ("task_facts", "argv", "started")})


def _changes(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[Change]:
    """The fields whose values over all trials are not the same in both studies."""
    fields = dict.fromkeys(field for settings in (*one, *other) for field in settings)
    found = [Change(field, (_values(one, field), _values(other, field))) for field in fields]
    return [change for change in found if change.values[0] != change.values[1]]


def _values(trials: Iterable[dict[str, Any]], field: str) -> str:
    values = {text(settings[field]): settings[field] for settings in trials if field in settings}
    numbers = all(isinstance(value, int | float) for value in values.values())
    return ", ".join(sorted(values, key=lambda told: values[told] if numbers else told)) or "not set"
