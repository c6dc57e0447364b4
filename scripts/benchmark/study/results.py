"""What the contestants have found, and whether it is alike: the same training from other random numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from scripts.benchmark.interpreters import WorkerError
from scripts.benchmark.study.spec import CURVE, LOSS, Study, record_of

CHANCE = 0.01
"""How often trainings that are alike may be taken for different ones, in one run of the benchmark."""
ENOUGH = 8
"""Seeds from which on the test can tell anything, at that bound on as many comparisons as the study has."""


class Found(NamedTuple):
    """The last measurement of each seed at one point of the study."""

    loss: list[float]
    """Held-out mean squared error."""
    furthest: list[float]
    """log10 ‖∂L/∂s‖ at the first step of time, the largest lag; median over the examples."""


Findings = dict[str, Found]
"""By point, for example `lstm T64`."""


def read(study: Study, workdir: Path) -> Findings:
    """The last measurements of a study.

    Raises:
      WorkerError: a trial is missing or has not been trained to the end.
    """
    found = {}
    for cell, length in study.points:
        last = [_last(record_of(workdir, cell, length, seed), study) for seed in range(study.seeds)]
        found[f"{cell} T{length}"] = Found(
            loss=[record[LOSS] for record in last], furthest=[record[CURVE][-1] for record in last]
        )
    return found


def _last(path: Path, study: Study) -> dict[str, Any]:
    wanted = list(range(0, study.steps + 1, study.measure_every))
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    records = [record for record in map(json.loads, lines) if CURVE in record]
    if [record["step"] for record in records] != wanted:
        raise WorkerError(f"{path} does not hold a measurement every {study.measure_every} steps up to {study.steps}")
    return records[-1]


def chances(ours: Mapping[str, Found], theirs: Mapping[str, Found]) -> dict[str, dict[str, float]]:
    """For each point and quantity: how probable so large a difference is if both are alike.

    Mann and Whitney's test on the seeds, two-sided and exact where no values are equal.
    """
    return {
        point: {field: _chance(getattr(mine, field), getattr(theirs[point], field)) for field in Found._fields}
        for point, mine in ours.items()
    }


def _chance(a: list[float], b: list[float]) -> float:
    if len({*a, *b}) == 1:
        return 1.0  # no order at all
    # A gradient below float32's range is -inf; ranks need no more than an order.
    return float(stats.mannwhitneyu(np.nan_to_num(a), np.nan_to_num(b)).pvalue)


def unlike(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """The points where a library differs by more than chance, of {library: `chances`}; Holm's bound on all of them."""
    every = sorted(
        (chance, f"{library}, {point}, {quantity}")
        for library, points in found.items()
        for point, quantities in points.items()
        for quantity, chance in quantities.items()
    )
    named = []
    for rank, (chance, name) in enumerate(every):
        if chance >= CHANCE / (len(every) - rank):
            break
        named.append(f"{name} (p = {chance:.1g})")
    return named
