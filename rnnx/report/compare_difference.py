"""Whether two samples of seeds differ by more than seeds do: a difference of medians and its bootstrap interval.

The interval is that of percentiles. The bias-corrected one (BCa) needs the jackknife, which for the median of a few
numbers takes one or two values and says nothing. Percentiles of few seeds are too narrow, by the factor √((n − 1)/n)
and because the spread itself is only estimated; both are made up for by percentiles further out (Hesterberg 2015, "What
Teachers Should Know About the Bootstrap"). That errs on the safe side: see `docs/comparing.md` for the rates.

No resampling goes beyond the seeds that there are. So there is a limit to what few seeds can say: the probability that
chance alone sets all values of one sample above all of the other, or moves all pairs to one side. It is 10 % for 3 and
3 seeds, 3 % for 4 and 4, and for 6 pairs. Where it is above 5 %, nothing is said.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

SURE = 0.95
"""How often an interval is to hold the difference that an endless number of seeds would show."""

FEWEST = 4
"""Seeds of each sample without which nothing is said."""

FEWEST_PAIRS = 6
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

    @property
    def verdict(self) -> str:
        """`same`, `too few seeds`, `higher`, `lower` or `not distinguishable`."""
        if self.same:
            return "same"
        if math.isnan(self.low):
            return "too few seeds"
        if self.low > 0 or self.high < 0:
            return "higher" if self.low > 0 else "lower"
        return "not distinguishable"


def difference(one: Mapping[int, float], other: Mapping[int, float]) -> Difference:
    """Compare two samples of finite numbers by seed; at least one number each.

    >>> few = difference({0: 1.0, 1: 1.2, 2: 1.1}, {0: 2.0, 1: 2.1, 2: 2.3})
    >>> few.verdict, few.chance
    ('too few seeds', 0.1)
    >>> enough = difference({s: 1 + s / 10 for s in range(8)}, {s: 2 + s / 10 for s in range(8)})
    >>> enough.verdict, enough.paired, round(enough.low, 6)
    ('higher', True, 1.0)
    """
    paired = one.keys() == other.keys() and len(one) >= FEWEST_PAIRS
    same = one == other
    if paired:
        samples: tuple[list[float], ...] = ([other[seed] - one[seed] for seed in sorted(one)],)
        chance = 2 / 2 ** len(one)
    else:
        samples = ([one[seed] for seed in sorted(one)], [other[seed] for seed in sorted(other)])
        chance = 2 / math.comb(len(one) + len(other), len(one))
    value = _statistic(*map(np.array, samples))
    low, high = interval(*samples) if min(len(one), len(other)) >= FEWEST else (math.nan, math.nan)
    return Difference(float(value), low, high, paired, min(chance, 1.0), same)


def interval(*samples: list[float]) -> tuple[float, float]:
    """The interval of the median of one sample, or of the second's less the first's, from resampled seeds."""
    free = sum(len(sample) - 1 for sample in samples)
    outer = stats.t.ppf((1 - SURE) / 2, free) * math.sqrt(1 + len(samples) / free)
    found = stats.bootstrap(
        samples,
        _statistic,
        vectorized=True,
        confidence_level=1 - 2 * stats.norm.cdf(outer),
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),  # the same statement of the same numbers
    ).confidence_interval
    return float(found.low), float(found.high)


def _statistic(*samples: Any, axis: int = -1) -> Any:
    medians = [np.median(sample, axis=axis) for sample in samples]
    return medians[0] if len(medians) == 1 else medians[1] - medians[0]
