"""The temperature of a transformer's oil some hours on, from itself or from the load too: ETTh1.

    x_{t-h-T+1} … x_{t-h}  one or seven measurements an hour        x_t, h hours on

Zhou et al. 2021 (Informer): 12 months to train on, 4 held out, 4 to test on, months of 30 days, and what comes after
them is not looked at; standardised by mean and standard deviation of the 12 months. Errors are of standardised values:
`loss` is their MSE, `mae` their MAE. Informer's tables are means over *all* hours from the next to the h-th, and here a
network forecasts the h-th alone, which is harder: beside them these numbers are too large.
"""

import functools
from typing import Literal

from rnnx import checks
from rnnx.data import Series
from rnnx.data.ett import ett as _measurements
from rnnx.tasks.series._forecasting import Problem, forecasting
from rnnx.tasks.series._moments import standard_of
from rnnx.types import Task

_WINDOW = 96
_MONTH = 30 * 24
_TARGET = "OT"


def ett(*, horizon: int = 24, variables: Literal["OT", "all", "all_to_OT"] = "OT") -> Task:
    """ETTh1.

    Inputs `[T, B, m]`, targets `[1, B, O]`, standardised; weights `[B]`; the forecast is the last output, `outputs[-1]`
    of shape `[B, O]`. T is `length`; windows reach back over the borders of the parts. `test_batches` has all 2880
    hours to test on. The score `skill` is 1 - squared error / that of persistence.

    The floor is the held-out loss of persistence.

    Args:
      horizon: h, hours.
      variables: the temperature alone, m = O = 1; all seven from all seven; or the temperature from all, of which it
        then is the first.

    Raises:
      rnnx.data.DataError: the measurements can't be had.
      ValueError: a horizon below 1; unknown variables; from `sample`, a length that no window has.

    >>> import jax
    >>> batch = ett(variables="all_to_OT").sample(jax.random.key(0), 4, 96)  # doctest: +SKIP
    >>> batch.inputs.shape, batch.targets.shape  # doctest: +SKIP
    ((96, 4, 7), (1, 4, 1))
    """
    checks.choice("variables", variables, ("OT", "all", "all_to_OT"))
    return forecasting(_problem(_series(), checks.size("horizon", horizon, below=1000), variables), _WINDOW)


@functools.cache
def _series() -> Series:
    """The same whenever it is read: another one would have another hash, and be refused."""
    return _measurements()


@functools.lru_cache(maxsize=8)
def _problem(series: Series, horizon: int, variables: str) -> Problem:
    target = series.columns.index(_TARGET)
    others = [n for n in range(len(series.columns)) if n != target]
    chosen = {"OT": [target], "all": sorted([target, *others]), "all_to_OT": [target, *others]}[variables]
    values = series.values[:, chosen]
    train, heldout, test = (range(12 * _MONTH), range(12 * _MONTH, 16 * _MONTH), range(16 * _MONTH, 20 * _MONTH))
    shift, scale = standard_of(values[train.start : train.stop])
    return Problem(
        columns=tuple(series.columns[n] for n in chosen),
        values=values,
        outputs=len(chosen) if variables == "all" else 1,
        horizon=horizon,
        train=train,
        heldout=heldout,
        test=test,
        shift=shift,
        scale=scale,
        data={"series": series.name, "sha256": series.sha256, "variables": variables},
        time="hours",
        labels=series.times,
        orders=(24,),
    )
