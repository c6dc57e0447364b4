"""The summary table: one row per task, length and variant, with median and range over seeds."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from rnnx.report.spread import Spread, spread
from rnnx.report.study import Group, Study, text
from rnnx.report.trial import Record, Trial, number

_MEMORY_GATES = ("forget", "update")  # the gate that keeps the old state where it is 1


class Row(NamedTuple):
    """What a group of trials came to. Before training, and at the last measurement after it."""

    group: Group
    status: Counter[str]
    """How many trials are `done`, `unfinished`, `failed`."""
    heldout: Spread
    """Held-out loss, in the task's unit."""
    floor: float
    """Loss of a predictor without memory."""
    metric: tuple[str, Spread]
    """Name and value of the task's own metric; an empty name if it has none."""
    decay: tuple[Spread, Spread]
    """Decay rate of the whole state's gradient, nats per step."""
    horizon: tuple[Spread, Spread]
    """Horizon of the whole state's gradient, steps."""
    exploding: tuple[Spread, Spread]
    """Share of examples whose gradient is somewhere more than e times that at lag 0."""
    weight: tuple[Spread, Spread]
    """log10 ‖∂L/∂W_rec‖."""
    older: tuple[Spread, Spread]
    """Share of the weight gradient that comes from steps at lag 10 and beyond."""
    gate: tuple[str, Spread, Spread]
    """Name and mean of the gate that keeps the old state; an empty name if the cell has none."""
    clipped: Spread
    """Share of the training steps whose gradient was clipped."""


def rows(study: Study) -> list[Row]:
    """A row per group: by task, length, and variant in the order of the study."""
    tasks, variants = study.tasks, study.variants
    groups = sorted(study.groups, key=lambda g: (tasks.index(g.task), g.length, variants.index(g.variant)))
    return [_row(group) for group in groups]


def _row(group: Group) -> Row:
    trials = group.trials
    first = next((trial.before for trial in trials if trial.before), {})
    gate = next((name for name in _MEMORY_GATES if f"gates/{name}/mean" in first), "")
    metric = next((tag.removeprefix("heldout/") for tag in first if is_metric(tag)), "")
    return Row(
        group=group,
        status=Counter(trial.status for trial in trials),
        heldout=spread([number(trial.after, "heldout/loss") for trial in trials]),
        floor=trials[0].floor,
        metric=(metric, spread([number(trial.after, f"heldout/{metric}") for trial in trials])),
        decay=_before_and_after(trials, "state_gradient/state/decay_rate"),
        horizon=_before_and_after(trials, "state_gradient/state/horizon"),
        exploding=_before_and_after(trials, "state_gradient/state/exploding"),
        weight=_before_and_after(trials, "weight_gradient/recurrent_kernel/log10_norm"),
        older=_before_and_after(trials, "weight_gradient_by_lag/all/share_older_than_10"),
        gate=(gate, *_before_and_after(trials, f"gates/{gate}/mean")),
        clipped=spread([_clipped(trial) for trial in trials]),
    )


def is_metric(tag: str) -> bool:
    """Whether a tag is a task's own metric."""
    return tag.startswith("heldout/") and tag != "heldout/loss"


def _before_and_after(trials: tuple[Trial, ...], tag: str) -> tuple[Spread, Spread]:
    return spread([number(trial.before, tag) for trial in trials]), spread(
        [number(trial.after, tag) for trial in trials]
    )


def _clipped(trial: Trial) -> float:
    """Over all steps: every record stands for as many."""
    shares = [record["train/clipped"] for record in trial.records if "train/clipped" in record]
    return float(np.mean(shares)) if shares else np.nan


def table(found: list[Row]) -> list[dict[str, Any]]:
    """For summary.csv: plain names with units, `…_median`, `…_min` and `…_max` over seeds."""
    return [_plain(row) for row in found]


def _plain(row: Row) -> dict[str, Any]:
    task, length, variant, trials = row.group
    plain: dict[str, Any] = {
        "task": task,
        "length_steps": length,
        "variant": variant,
        "trials": len(trials),
        "done": row.status["done"],
        "unfinished": row.status["unfinished"],
        "failed": row.status["failed"],
        "loss_unit": trials[0].loss_unit,
        "no_memory_loss": row.floor,
    }
    plain |= _columns("heldout_loss", row.heldout)
    plain |= {"metric": row.metric[0]} | _columns("heldout_metric", row.metric[1])
    for when, index in (("before", 0), ("after", 1)):
        plain |= _columns(f"decay_rate_{when}_nats_per_step", row.decay[index])
        plain |= _columns(f"horizon_{when}_steps", row.horizon[index])
        plain |= _columns(f"exploding_share_of_examples_{when}", row.exploding[index])
        plain |= _columns(f"recurrent_weight_gradient_{when}_log10", row.weight[index])
        plain |= _columns(f"weight_gradient_share_older_than_10_steps_{when}", row.older[index])
    plain |= {"gate": row.gate[0]}
    plain |= _columns("gate_mean_before", row.gate[1]) | _columns("gate_mean_after", row.gate[2])
    return plain | _columns("clipped_share_of_steps", row.clipped)


def _columns(name: str, values: Spread) -> dict[str, float]:
    return {f"{name}_{which}": float(value) for which, value in zip(("median", "min", "max"), values, strict=True)}


def trials_table(study: Study) -> list[dict[str, Any]]:
    """For trials.csv: a row per trial with its settings and every number of its first and last measurement."""
    fields = dict.fromkeys(field for trial in study.trials for field in trial.settings)
    tags = sorted({tag for t in study.trials for record in (t.before, t.after) for tag in _scalars(record)} - {"step"})
    table = []
    for t in study.trials:
        row = {"trial": t.name, "status": t.status, "error": t.error, "steps_done": t.last_step}
        row |= {field: text(t.settings[field]) if field in t.settings else "" for field in fields}
        for tag in tags:
            row |= {f"{tag} before": number(t.before, tag), f"{tag} after": number(t.after, tag)}
        table.append(row)
    return table


def _scalars(record: Record) -> list[str]:
    return [tag for tag, value in record.items() if isinstance(value, int | float)]
