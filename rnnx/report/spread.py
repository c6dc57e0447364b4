"""Median and range over seeds."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from rnnx.report.trial import Trial


class Spread(NamedTuple):
    """Median and range over seeds."""

    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


def spread(values: Iterable[Any]) -> Spread:
    """Median, minimum and maximum over the first axis, leaving out NaN (a seed without a value); NaN if none is left.

    >>> [float(x) for x in spread([3.0, 1.0, float("nan"), 2.0])]
    [2.0, 1.0, 3.0]
    """
    ordered = np.sort(np.array(list(values), float), axis=0)  # NaN last
    count = np.sum(~np.isnan(ordered), axis=0)

    def ranked(rank: Any) -> np.ndarray:
        return np.take_along_axis(ordered, np.expand_dims(np.maximum(rank, 0), 0), axis=0)[0]

    # Not np.nanmedian, which warns where there is no number at all and makes NaN of two -inf.
    with np.errstate(invalid="ignore"):
        median = (ranked((count - 1) // 2) + ranked(count // 2)) / 2
    return Spread(median, ranked(np.zeros_like(count)), ranked(count - 1))


def over_steps(trials: Iterable[Trial], tag: str) -> tuple[np.ndarray, np.ndarray]:
    """Training steps at which any trial has `tag`, `[n]`, and the values, `[trials, n, …]`, NaN where one lacks it."""
    found = [_by_step(trial, tag) for trial in trials]
    steps = sorted(set().union(*found))
    if not steps:
        return np.zeros(0), np.zeros((len(found), 0))
    blank = np.full_like(next(value for of_trial in found for value in of_trial.values()), np.nan)
    return np.array(steps), np.array([[of_trial.get(step, blank) for step in steps] for of_trial in found])


def _by_step(trial: Trial, tag: str) -> dict[int, np.ndarray]:
    found = {record["step"]: np.asarray(record[tag], float) for record in trial.records if tag in record}
    if tag in trial.initial:
        found[0] = np.asarray(trial.initial[tag], float)
    if tag in trial.analysis:
        found[trial.analysed[tag]] = np.asarray(trial.analysis[tag], float)
    return found


def over_seeds(trials: Iterable[Trial], when: str, tag: str) -> Spread | None:
    """The spread of a tag that not every trial has; `when` is `first` or `latest`. `None` if no trial has it."""
    records = [getattr(trial, when) for trial in trials]
    found = [np.asarray(record[tag], float) for record in records if tag in record]
    return spread(found) if found else None
