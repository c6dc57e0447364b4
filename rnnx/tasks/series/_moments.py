"""Numbers of a whole split that no mean of positions gives, from sums over it, column by column.

With p what is forecast and y the value, both standardised by mean and spread of the values to test on:

    E p, E p², E y, E y², E p y, E (p - y)², E |p - y|        RSE and Pearson's r follow, whatever the batches were
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from rnnx.types import Array

_CONSTANT = 1e-6
"""The share of E p² below which a variance is taken for rounding: squares in float32 are rounded at 6e-8 of them."""


class Standard(NamedTuple):
    """What numbers are standardised by, column by column, so that little is lost in differences of sums."""

    mean: np.ndarray  # [O]
    deviation: np.ndarray  # [O], 0 nowhere


def standard_of(values: np.ndarray) -> Standard:
    """Mean and standard deviation of each column of `[N, O]`, 1 of one that is the same in all rows.

    >>> standard_of(np.full((3, 1), 0.1)).deviation  # the mean of which is rounded
    array([1.])
    """
    deviation = values.std(axis=0)
    varies = (values.min(axis=0) < values.max(axis=0)) & (deviation > 0)
    return Standard(values.mean(axis=0), np.where(varies, deviation, 1.0))


class Columns(NamedTuple):
    """Of each column, `[O]`, in the numbers that were standardised; and their correlation."""

    squared: np.ndarray
    absolute: np.ndarray
    corr: float


def moments(forecast: Array, values: Array, standard: Standard) -> Array:
    """Of forecasts and values `[B, O]`, `[B, 7, O]`."""
    p, y = ((of - standard.mean.astype(of.dtype)) / standard.deviation.astype(of.dtype) for of in (forecast, values))
    return jnp.stack([p, p * p, y, y * y, p * y, jnp.square(p - y), jnp.abs(p - y)], axis=1)


def of_columns(means: np.ndarray, standard: Standard) -> Columns:
    """What follows from the means of `moments` over a split, `[7, O]`.

    The correlation is the mean of Pearson's r over the columns whose values vary, NaN if none does; a forecast that
    does not vary explains nothing of values that do, and has r = 0.

    >>> standard = Standard(np.zeros(2), np.ones(2))
    >>> y = jnp.array([[1.0, 5.0], [-1.0, 5.0]])  # the second column does not vary
    >>> of_columns(moments(2 * y, y, standard).mean(axis=0), standard).corr
    1.0
    """
    p, pp, y, yy, py, squared, absolute = np.asarray(means, float)
    var_p, var_y = pp - p**2, yy - y**2
    moves_p, moves_y = var_p > _CONSTANT * pp, var_y > _CONSTANT * yy
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(moves_p, (py - p * y) / np.sqrt(var_p * var_y), 0.0)
    r = np.where(np.isnan(pp), np.nan, r)  # of a network that has diverged
    corr = float(np.mean(r[moves_y])) if moves_y.any() else np.nan
    return Columns(squared * standard.deviation**2, absolute * standard.deviation, corr)
