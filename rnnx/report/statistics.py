"""What seeds say: median and range, and whether two samples of seeds differ by more than seeds do."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from rnnx.report.trial import Trial


class MedianRange(NamedTuple):
    """What seeds say: median and range, and whether two samples of seeds differ by more than seeds do."""

    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


def median_range(values: Iterable[Any]) -> MedianRange:
    """Median, minimum and maximum over the first axis, leaving out NaN (a seed without a value); NaN if none is left.

    >>> [float(x) for x in median_range([3.0, 1.0, float("nan"), 2.0])]
    [2.0, 1.0, 3.0]
    """
    ordered = np.sort(np.array(list(values), float), axis=0)  # NaN last
    count = np.sum(~np.isnan(ordered), axis=0)

    def ranked(rank: Any) -> np.ndarray:
        return np.take_along_axis(ordered, np.expand_dims(np.maximum(rank, 0), 0), axis=0)[0]

    # Not np.nanmedian, which warns where there is no number at all and makes NaN of two -inf.
    with np.errstate(invalid="ignore"):
        median = (ranked((count - 1) // 2) + ranked(count // 2)) / 2
    return MedianRange(median, ranked(np.zeros_like(count)), ranked(count - 1))


ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""The relative difference that float32 can make by itself: sums over units and steps lose some of the last bits."""


def rounding(*values: Any, scale: float = 0.0) -> float:
    """What rounding can make of the difference of values, none of which counts as smaller than `scale`.

    That is 1 for a logarithm and for the slope of one: it is as exact near 0 as it is near 1.

    >>> rounding(0.25, scale=1.0) == 4 * rounding(0.25) == ROUNDING
    True
    """
    return ROUNDING * max(scale, *(float(np.abs(value)) for value in values if np.isfinite(value)), 0.0)


def over_steps(trials: Iterable[Trial], tag: str) -> tuple[np.ndarray, np.ndarray]:
    """Training steps at which any trial has `tag`, `[n]`, and the values, `[trials, n, …]`, NaN where one lacks it."""
    of_trials = [_by_step(trial, tag) for trial in trials]
    steps = sorted(set().union(*of_trials))
    if not steps:
        return np.zeros(0), np.zeros((len(of_trials), 0))
    blank = np.full_like(next(value for of_trial in of_trials for value in of_trial.values()), np.nan)
    return np.array(steps), np.array([[of_trial.get(step, blank) for step in steps] for of_trial in of_trials])


def _by_step(trial: Trial, tag: str) -> dict[int, np.ndarray]:
    values = {record["step"]: np.asarray(record[tag], float) for record in trial.records if tag in record}
    if tag in trial.initial:
        values[0] = np.asarray(trial.initial[tag], float)
    if tag in trial.analysis:
        values[trial.analysed[tag]] = np.asarray(trial.analysis[tag], float)
    return values


def of_seeds(trials: Iterable[Trial], stage: str, tag: str) -> np.ndarray | None:
    """Values of a tag in the trials that have it, `[trials, …]`, `None` if none has; `stage` is `first` or `latest`."""
    records = [getattr(trial, stage) for trial in trials]
    values = [np.asarray(record[tag], float) for record in records if tag in record]
    return np.array(values) if values else None


CONFIDENCE = 0.95
"""How often an interval is to hold the difference that an endless number of seeds would show."""

MIN_SEEDS = 4
"""Seeds of each sample without which nothing is said."""

MIN_PAIRS = 6
"""With fewer, the pairs would say nothing where the samples as a whole do."""

_RESAMPLES = 9999


class Difference(NamedTuple):
    """By how much the second of two samples is higher than the first."""

    value: float
    """Of medians; the median of the differences where seeds are paired."""
    low: float
    """Of the interval; NaN where there are too few seeds for one."""
    high: float
    paired: bool
    chance: float
    """The probability that chance alone sets so few seeds apart completely, in either direction."""
    same: bool
    """Both have the same seeds, and the same value at each."""
    equal: bool
    """At every seed, or between any two of them, they differ by no more than `rounding`."""
    rounding: float
    """What rounding can make of a difference; one up to it is none."""

    @property
    def verdict(self) -> str:
        """`same`, `equal within rounding`, `too few seeds`, `higher`, `lower` or `not distinguishable`."""
        if self.same or self.equal:
            return "same" if self.same else "equal within rounding"
        if math.isnan(self.low):
            return "too few seeds"
        if self.low > self.rounding or self.high < -self.rounding:
            return "higher" if self.low > 0 else "lower"
        return "not distinguishable"

    @property
    def none(self) -> bool:
        """There is no difference, whatever seeds say."""
        return self.same or self.equal


def difference(one: Mapping[int, float], other: Mapping[int, float], rounding: float = 0.0) -> Difference:
    """Compare two samples of finite numbers by seed; at least one number each. A difference up to `rounding` is none.

    >>> few = difference({0: 1.0, 1: 1.2, 2: 1.1}, {0: 2.0, 1: 2.1, 2: 2.3})
    >>> few.verdict, few.chance
    ('too few seeds', 0.1)
    >>> enough = difference({s: 1 + s / 10 for s in range(8)}, {s: 2 + s / 10 for s in range(8)})
    >>> enough.verdict, enough.paired, round(enough.low, 6)
    ('higher', True, 1.0)
    """
    paired = one.keys() == other.keys() and len(one) >= MIN_PAIRS
    same = one == other
    if paired:
        samples: tuple[list[float], ...] = ([other[seed] - one[seed] for seed in sorted(one)],)
        chance = 2 / 2 ** len(one)
    else:
        samples = ([one[seed] for seed in sorted(one)], [other[seed] for seed in sorted(other)])
        chance = 2 / math.comb(len(one) + len(other), len(one))
    value = _statistic(*map(np.array, samples))
    low, high = interval(*samples) if min(len(one), len(other)) >= MIN_SEEDS else (math.nan, math.nan)
    together = np.array([*one.values(), *other.values()])
    at_every_seed = one.keys() == other.keys() and all(abs(other[seed] - one[seed]) <= rounding for seed in one)
    equal = at_every_seed or bool(np.ptp(together) <= rounding)
    return Difference(float(value), low, high, paired, min(chance, 1.0), same, equal, rounding)


def interval(*samples: list[float]) -> tuple[float, float]:
    """The interval of the median of one sample, or of the second's less the first's, from resampled seeds.

    It is that of percentiles. The bias-corrected one (BCa) needs the jackknife, which for the median of a few numbers
    takes one or two values and says nothing. Percentiles of few seeds are too narrow, by the factor √((n − 1)/n) and
    because the spread itself is only estimated; both are made up for by percentiles further out (Hesterberg 2015, "What
    Teachers Should Know About the Bootstrap"). That errs on the safe side: see `docs/comparing.md` for the rates.

    No resampling goes beyond the seeds that there are. So there is a limit to what few seeds can say: the probability
    that chance alone sets all values of one sample above all of the other, or moves all pairs to one side. It is 10 %
    for 3 and 3 seeds, 3 % for 4 and 4, and for 6 pairs. Where it is above 5 %, nothing is said.
    """
    from scipy import stats  # takes half a second, and nothing else needs it

    free = sum(len(sample) - 1 for sample in samples)
    outer = stats.t.ppf((1 - CONFIDENCE) / 2, free) * math.sqrt(1 + len(samples) / free)
    result = stats.bootstrap(
        samples,
        _statistic,
        vectorized=True,
        confidence_level=1 - 2 * stats.norm.cdf(outer),
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),  # the same statement of the same numbers
    ).confidence_interval
    return float(result.low), float(result.high)


def _statistic(*samples: Any, axis: int = -1) -> Any:
    medians = [np.median(sample, axis=axis) for sample in samples]
    return medians[0] if len(medians) == 1 else medians[1] - medians[0]
