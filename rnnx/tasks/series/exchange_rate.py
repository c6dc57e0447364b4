"""Exchange rates of eight currencies some days on, in the protocol of LSTNet.

    x_{t-h-T+1} … x_{t-h}  eight rates a day, T = 168 as published        x_t, h = 3, 6, 12 or 24 days on

Lai, Chang, Yang & Liu 2018. Targets are divided 60/20/20 by time, and each rate by its largest |x| over the *whole*
series, the test part included: one would not do so, but the numbers that are published do. So is

    RSE = √(mean squared error) / σ of all test values, in dollars        CORR = mean over the rates of Pearson's r

RSE is flattered by what sets the pound apart from the yen: `rse_scaled` is that of rates by their largest value.
Persistence, which repeats the last rate, has RSE 0.0171, 0.0238, 0.0329 and 0.0434 at h = 3, 6, 12 and 24, and no
published network less.
"""

import functools
from typing import Any, Literal

import numpy as np

from rnnx import checks
from rnnx.data import Series
from rnnx.data.exchange_rate import exchange_rate as _rates
from rnnx.tasks.series import _moments
from rnnx.tasks.series._forecasting import Problem, forecasting
from rnnx.types import Task

_WINDOW = 168


def exchange_rate(*, horizon: int = 3, loss: Literal["squared", "absolute"] = "squared") -> Task:
    """Exchange rates.

    Inputs `[T, B, 8]`, targets `[1, B, 8]`, rates over the largest of each; weights `[B]`; the forecast is the last
    output, `outputs[-1]` of shape `[B, 8]`. T is `length`; windows reach back over the borders of the parts.
    `test_batches` has all 1518 days to test on. The score `skill` is 1 - squared error / that of persistence.

    The floor is the held-out loss of persistence.

    Args:
      horizon: h, days.
      loss: mean squared error, or mean absolute error, which LSTNet took; both of scaled rates.

    Raises:
      rnnx.data.DataError: the rates can't be had.
      ValueError: a horizon below 1; an unknown loss; from `sample`, a length that no window has.

    >>> import jax
    >>> batch = exchange_rate().sample(jax.random.key(0), 4, 168)  # doctest: +SKIP
    >>> batch.inputs.shape, batch.targets.shape  # doctest: +SKIP
    ((168, 4, 8), (1, 4, 8))
    """
    checks.choice("loss", loss, ("squared", "absolute"))
    problem = _problem(_series(), checks.size("horizon", horizon, below=1000))

    def summary(means: dict[str, Any]) -> dict[str, float]:
        columns = _moments.of_columns(means["moments"], problem.standard)
        return {"rse_scaled": float(np.sqrt(np.mean(columns.squared)) / problem.spread(problem.scaled))}

    return forecasting(problem, _WINDOW, absolute=loss == "absolute", summary=summary)


@functools.cache
def _series() -> Series:
    """The same whenever it is read: another one would have another hash, and be refused."""
    return _rates()


@functools.lru_cache(maxsize=8)
def _problem(series: Series, horizon: int) -> Problem:
    rows, columns = series.values.shape
    first, second = int(0.6 * rows), int(0.8 * rows)
    return Problem(
        columns=series.columns,
        values=series.values,
        outputs=columns,
        horizon=horizon,
        train=range(first),
        heldout=range(first, second),
        test=range(second, rows),
        shift=np.zeros(columns),
        scale=np.abs(series.values).max(axis=0),
        data={"series": series.name, "sha256": series.sha256},
        time="days",
        orders=(8,),
    )
