"""How far back the gradient of each network reaches, counted in seeds: who keeps it to the first step, who loses it."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from rnnx.report.metrics import METRICS
from rnnx.report.study import Group, Study
from rnnx.report.trial import Record, Trial

CURVE = "state_gradient/state/log10_norm"

_REACH = next(metric for metric in METRICS if metric.key == "reach")


class Reach(NamedTuple):
    """How far back at least 1 % of the gradient is left in one trial."""

    steps: float
    """NaN where a gradient is not a number; −1 where there is none at all, not even at lag 0."""
    of: int
    """The largest lag that there is: to the first step of the longest example, or down to the deepest leaf."""

    @property
    def whole(self) -> bool:
        """Whether it reaches the first step."""
        return self.steps >= self.of

    @property
    def share(self) -> float:
        """Of the sequence, 0 to 1."""
        return max(self.steps, 0.0) / self.of if self.of else float(self.steps >= 0)


def reach(record: Record) -> Reach | None:
    """That of a record; `None` where none was measured.

    >>> reach({CURVE: [0.0, -1.0, -3.0, float("nan")], "state_gradient/state/reach": 1.0})
    Reach(steps=1.0, of=2)
    >>> reach({CURVE: [-float("inf"), -float("inf")]})
    Reach(steps=-1.0, of=1)
    """
    curve = np.asarray(record.get(CURVE, []), float)
    known = np.flatnonzero(~np.isnan(curve))
    if not len(curve):
        return None
    if not len(known):
        return Reach(np.nan, len(curve) - 1)
    if np.all(np.isneginf(curve[known])):
        return Reach(-1.0, int(known[-1]))
    return Reach(float(record.get(_REACH.tag, np.nan)), int(known[-1]))


class Kept(NamedTuple):
    """Of one group of trials those that keep the gradient to the first step, and those that lose it on the way."""

    group: Group
    keeping: tuple[Trial, ...]
    losing: tuple[Trial, ...]
    steps: tuple[float, ...]
    """How far back it reaches in each trial that has a number, rising."""
    of: int

    @property
    def measured(self) -> int:
        """The trials that have a number."""
        return len(self.steps)


def kept(study: Study, task: str, stage: str) -> list[Kept]:
    """The groups of a task in which it was measured, by length and in the order of the study.

    Those that run against time are left out: there lag is no distance from the loss.
    """
    variants = study.variants_of(task)
    counted = (
        _kept(group, stage)
        for group in sorted(study.groups_of(task), key=lambda g: (g.length, variants.index(g.variant)))
        if not any(trial.against_time for trial in group.trials)
    )
    return [one for one in counted if one.measured]


def _kept(group: Group, stage: str) -> Kept:
    pairs = [(trial, reach(getattr(trial, stage))) for trial in group.trials]
    known = [(trial, value) for trial, value in pairs if value is not None and not np.isnan(value.steps)]
    return Kept(
        group=group,
        keeping=tuple(trial for trial, value in known if value.whole),
        losing=tuple(trial for trial, value in known if not value.whole),
        steps=tuple(sorted(value.steps for _, value in known)),
        of=max((value.of for _, value in known), default=0),
    )


def steps(values: Iterable[float]) -> str:
    """The lowest and the highest of some numbers of steps.

    >>> steps([12.0, 5.0, 7.0]), steps([3.0, 3.0]), steps([-1.0, 4.0])
    ('5 to 12', '3', '0 to 4')
    """
    low, high = (max(f(values), 0) for f in (min, max)) if (values := list(values)) else (0, 0)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
