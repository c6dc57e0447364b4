"""The summary table: one row per task, length and variant, with median and range over seeds."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from rnnx.report import words
from rnnx.report.metrics import METRICS
from rnnx.report.statistics import MedianRange, median_range
from rnnx.report.study import Group, Study, text
from rnnx.report.trial import Record, Trial, number

_NOT_DONE = ("failed", "unfinished", "not started")

_SUMMARY = [metric for metric in METRICS if metric.column]


class SummaryRow(NamedTuple):
    """What a group of trials came to. Before training, and at the last measurement after it."""

    group: Group
    status: Counter[str]
    """How many trials are `done`, `unfinished`, `failed`, `not started`."""
    reached: int
    """How many are done with a held-out loss clearly below `floor`."""
    floor: float
    """Loss of a predictor without memory."""
    which: dict[str, str]
    """Which gate, which of the task's own metrics: see `Metric.which`; empty if there is none."""
    values: dict[tuple[str, str], MedianRange]
    """By key of the metric and stage; see `of`."""
    test: dict[str, tuple[MedianRange, MedianRange]]
    """What the test split tells, by name, of the last and of the best parameters; empty where there is none."""
    baselines: dict[str, dict[str, float]]
    """What it tells of simple predictors, by theirs."""

    def of(self, key: str, stage: str = "after") -> MedianRange:
        """Median and range over seeds of one of `METRICS`, by its key."""
        return self.values[key, stage]

    @property
    def seeds(self) -> int:
        """All that the study has, those that are not started too."""
        return self.status.total()

    @property
    def remembering(self) -> str:
        """For example `2 of 3` seeds; a dash where the record does not tell the loss without memory."""
        return "–" if np.isnan(self.floor) else f"{self.reached} of {self.seeds}"

    @property
    def troubles(self) -> list[str]:
        """For example `1 failed`, of those that are not done."""
        return [f"{self.status[status]} {status}" for status in _NOT_DONE if self.status[status]]


def rows(study: Study) -> list[SummaryRow]:
    """A row per group: by task, length, and variant in the order of the study."""
    tasks, variants = study.tasks, study.variants
    groups = sorted(study.groups, key=lambda g: (tasks.index(g.task), g.length, variants.index(g.variant)))
    return [_row(group, study.not_started_of(group)) for group in groups]


def _row(group: Group, not_started: int) -> SummaryRow:
    trials = group.trials
    first = next((trial.before for trial in trials if trial.before), {})
    return SummaryRow(
        group=group,
        status=Counter(trial.status for trial in trials) + Counter({"not started": not_started}),
        reached=sum(trial.reached for trial in trials),
        floor=trials[0].floor,
        which={metric.which: metric.name_in(first) for metric in _SUMMARY if metric.which},
        values={
            (metric.key, stage): median_range([metric.of(trial, stage) for trial in trials])
            for metric in _SUMMARY
            for stage in metric.stages
        },
        test=_test(trials),
        baselines=next((trial.baselines for trial in trials if trial.baselines), {}),
    )


def _test(trials: tuple[Trial, ...]) -> dict[str, tuple[MedianRange, MedianRange]]:
    names = dict.fromkeys(
        tag.removeprefix("test/last/") for t in trials for tag in t.after if tag.startswith("test/last/")
    )

    def of(which: str, name: str) -> MedianRange:
        return median_range([number(trial.after, f"test/{which}/{name}") for trial in trials])

    return {name: (of("last", name), of("best", name)) for name in names}


def against_baselines(row: SummaryRow) -> str:
    """Which of the simple predictors a network's last parameters are better than, by the loss on the test split; empty
    where there are none."""
    if not row.baselines or "loss" not in row.test:
        return ""
    loss = row.test["loss"][0].median
    beaten = [name for name, numbers in row.baselines.items() if loss < numbers["loss"]]
    others = [name for name in row.baselines if name not in beaten]
    parts = {"better than": beaten, "not better than": others}
    return ", ".join(f"{how} {words.listed(names)}" for how, names in parts.items() if names)


def table(rows: list[SummaryRow]) -> list[dict[str, Any]]:
    """For summary.csv: plain names with units, `…_median`, `…_min` and `…_max` over seeds."""
    tested = list(dict.fromkeys(name for row in rows for name in row.test if name != "loss"))
    simple = list(dict.fromkeys(name for row in rows for name in row.baselines))
    return [_plain(row, tested, simple) for row in rows]


def _plain(row: SummaryRow, tested: list[str], simple: list[str]) -> dict[str, Any]:
    """With a column for each of what is `tested` beside the loss, which is a metric of every task, and for the same of
    `simple` predictors."""
    task, length, variant, trials = row.group
    plain: dict[str, Any] = {
        "task": task,
        "length_steps": length,
        "variant": variant,
        "trials": len(trials),
        "done": row.status["done"],
        "unfinished": row.status["unfinished"],
        "failed": row.status["failed"],
        "not_started": row.status["not started"],
        "reached": row.reached,
        "loss_unit": trials[0].loss_unit,
        "no_memory_loss": row.floor,
    }
    for metric in _SUMMARY:
        if metric.which:
            plain[metric.which] = row.which[metric.which]
        for stage in metric.stages:
            plain |= _bounds(metric.column.format(stage=stage), row.of(metric.key, stage))
    for name in tested:
        for which, values in zip(("last", "best"), row.test.get(name, (_NONE, _NONE)), strict=True):
            plain |= _bounds(f"test_{name}_{which}", values)
    for baseline in simple:
        for name in ("loss", *tested):
            plain[f"test_{name}_{baseline.replace(' ', '_')}"] = row.baselines.get(baseline, {}).get(name, np.nan)
    return plain


_NONE = median_range([np.nan])


def _bounds(name: str, values: MedianRange) -> dict[str, float]:
    """As columns."""
    return {f"{name}_{bound}": float(value) for bound, value in zip(("median", "min", "max"), values, strict=True)}


def trials_table(study: Study) -> list[dict[str, Any]]:
    """For trials.csv: a row per trial and part of its model, with settings and all numbers of first and last record."""
    fields = dict.fromkeys(field for trial in study.views for field in trial.settings)
    tags = sorted({tag for t in study.views for record in (t.before, t.after) for tag in _scalars(record)} - {"step"})
    table = []
    for t in study.views:
        row = {"trial": t.name, "status": t.status, "error": t.error, "steps_done": t.last_step}
        row |= {field: text(t.settings[field]) if field in t.settings else "" for field in fields}
        for tag in tags:
            row |= {f"{tag} before": number(t.before, tag), f"{tag} after": number(t.after, tag)}
        table.append(row)
    return table


def _scalars(record: Record) -> list[str]:
    return [tag for tag, value in record.items() if isinstance(value, int | float)]
