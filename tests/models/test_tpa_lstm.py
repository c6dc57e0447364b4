"""TPA-LSTM against the paper's equations in NumPy."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.models.tpa_lstm import TpaLstm, pattern_attention
from tests.helpers.forecasting import assert_flows_are_differences, assert_is, forecaster, forecasting_task
from tests.reference import forecasting as reference

W = 4


def given():
    return forecaster("tpa_lstm", rnnx.lstm(5), 7, filters=3, window=W)


def test_it_is_the_equations_written_out(float64):
    assert_is(functools.partial(reference.tpa_lstm, window=W), given())


def test_the_gradient_at_every_step_is_that_of_finite_differences(float64):
    assert_flows_are_differences(given())


def test_each_unit_is_weighed_by_itself(float64):
    """By a sigmoid: another unit's patterns leave a weight as it is, and weights have no sum that is given."""
    patterns, query = np.random.default_rng(0).standard_normal((2, 5, 3)), np.ones((2, 3))
    weigh = jax.jit(pattern_attention)
    others = patterns.copy()
    others[:, 1:] += 1
    found, changed = weigh(patterns, query), weigh(others, query)
    np.testing.assert_array_equal(found[:, 0], changed[:, 0])
    assert (np.asarray(found)[:, 1:] != np.asarray(changed)[:, 1:]).all()
    assert not np.allclose(np.sum(found, axis=1), 1, atol=0.01)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-patterns.sum(axis=-1))), rtol=1e-14)  # a few roundings


def test_all_steps_are_read_though_the_window_is_shorter(float64):
    of = given()
    found = of.forecast(of.params, of.xs)
    earlier = of.xs.copy()
    earlier[0] += 1
    assert (np.abs(of.forecast(of.params, earlier) - found) > 1e-8).all()


def test_sizes_that_are_none_are_refused_and_the_autoregression_may_be_left_out():
    for option in ("filters", "window"):
        with pytest.raises(ValueError, match=f"^{option} must be a whole number of at least 1, not 0"):
            TpaLstm(rnnx.lstm(4), forecasting_task(), **{option: 0}, rngs=nnx.Rngs(0))
    assert TpaLstm(rnnx.lstm(4), forecasting_task(), highway=False, rngs=nnx.Rngs(0)).autoregression is None
