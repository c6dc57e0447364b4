"""The number of sunspots in the next year.

    x_{t-T} … x_{t-1}  Wolf's numbers of the years before        x_t, that of the year

Weigend, Huberman & Rumelhart 1990: known are the years up to 1920, and two periods are tested on by themselves, 1921 to
1955 and the harder 1956 to 1979. Of the known years 1891 to 1920 are held out here, where a choice has to be made by
something, and baselines are fitted to all. The years after 1979 are not looked at. Numbers are standardised by the
years to train on.

    ARV = mean squared error in a period / variance of the whole record, 1700 to 1979

Persistence has 0.427 and 0.965, a linear autoregression of order 9 has 0.127 and 0.351.
"""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np

from rnnx.data import Series
from rnnx.data.sunspots import sunspots as _numbers
from rnnx.tasks.series._forecasting import Problem, forecasting
from rnnx.tasks.series._moments import standard_of
from rnnx.types import Array, Batch, Scores, Task

_WINDOW = 12
_FIRST, _HELD_OUT, _LAST = 1700, 1891, 1979
_PERIODS = {"arv_1921_55": range(1921, 1956), "arv_1956_79": range(1956, 1980)}


def sunspots() -> Task:
    """Sunspots, a year a step.

    Inputs `[T, B, 1]`, standardised; targets `[1, B, 2]`, the number and its year; weights `[B]`; the forecast is the
    last output, `outputs[-1]` of shape `[B, 1]`. T is `length`; windows reach back over the borders of the parts.
    `test_batches` has the 59 years of both periods. The score `skill` is 1 - squared error / that of persistence.

    The floor is the held-out loss of persistence.

    Raises:
      rnnx.data.DataError: the numbers can't be had.
      ValueError: from `sample`, a length that no window has.

    >>> import jax
    >>> batch = sunspots().sample(jax.random.key(0), 4, 12)  # doctest: +SKIP
    >>> batch.inputs.shape, batch.targets.shape  # doctest: +SKIP
    ((12, 4, 1), (1, 4, 2))
    """
    problem = _problem(_series())
    scaled_variance = problem.scaled.astype(float).var()

    def with_year(targets: Array, t: Array) -> Array:
        return jnp.concatenate([targets, (t + _FIRST).astype(targets.dtype)[None, :, None]], axis=-1)

    def scores(forecast: Array, values: Array, batch: Batch) -> Scores:
        squared, year = jnp.square(forecast - values)[:, 0], batch.targets[0, :, 1]
        within = [((year >= period.start) & (year < period.stop)).astype(squared.dtype) for period in _PERIODS.values()]
        errors = jnp.stack([jnp.stack([squared * one, one], axis=-1) for one in within], axis=1)
        return {"periods": (errors, batch.weights)}

    def summary(means: dict[str, Any]) -> dict[str, float]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                name: float(squared / share / scaled_variance)
                for name, (squared, share) in zip(_PERIODS, means["periods"], strict=True)
            }

    return forecasting(problem, _WINDOW, marked=with_year, scores=scores, summary=summary)


@functools.cache
def _series() -> Series:
    """The same whenever it is read: another one would have another hash, and be refused."""
    return _numbers()


@functools.lru_cache(maxsize=1)
def _problem(series: Series) -> Problem:
    values = series.values[: _LAST + 1 - _FIRST, 1:]
    known, held_out = _PERIODS["arv_1921_55"].start - _FIRST, _HELD_OUT - _FIRST
    shift, scale = standard_of(values[:held_out])
    return Problem(
        columns=("sunspots",),
        values=values,
        outputs=1,
        horizon=1,
        train=range(held_out),
        heldout=range(held_out, known),
        test=range(known, len(values)),
        shift=shift,
        scale=scale,
        data={"series": series.name, "sha256": series.sha256},
        time="years",
        start=_FIRST,
        fitted=range(known),
        orders=(2, 9),
    )
