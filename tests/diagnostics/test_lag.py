"""Curves over lag against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.diagnostics import _lag

# Each compiled once for all curves of one shape.
by_lag, quartiles = jax.jit(_lag.by_lag), jax.jit(_lag.quartiles)
decay_rate, reach_of, exploding = jax.jit(_lag.decay_rate), jax.jit(_lag.reach), jax.jit(_lag.exploding)


def horizon_of(curve, there):
    return reach_of(curve, there, 1 / np.e)


pytestmark = pytest.mark.usefixtures("float64")

T = 30
LAGS = np.arange(T)
ALL = jnp.ones(T, bool)
INF, NAN = float("inf"), float("nan")


def power(rho):
    """log10 of ρ^k."""
    return jnp.asarray(LAGS * np.log10(rho))


def test_by_lag_counts_back_from_each_last_step():
    values = jnp.array([[0.0, 10.0, 20.0], [1.0, 11.0, 21.0], [2.0, 12.0, 22.0]])
    curves, there = by_lag(values, jnp.array([2, 0, -1]))
    assert curves[:, 0].tolist() == [2, 1, 0]
    assert curves[0, 1] == 10
    assert there.tolist() == [[True, True, False], [True, False, False], [True, False, False]]


def test_quartiles_are_those_of_the_examples_that_have_the_lag():
    curves = jnp.array([[1.0, 2.0, 3.0, 4.0, 5.0], [9.0, 8.0, 7.0, 100.0, 100.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    there = jnp.array([[True] * 5, [True] * 3 + [False] * 2, [False] * 5])
    low, middle, high = quartiles(curves, there)
    assert middle[:2].tolist() == [3, 8]
    assert (low[0], high[0]) == (2, 4)
    assert 7 <= low[1] <= middle[1] == 8 <= high[1] <= 9
    assert np.isnan([low[2], middle[2], high[2]]).all()


def test_a_gradient_of_zero_in_some_examples_is_ranked_below_all_others():
    curves = jnp.array([[-INF, -INF, -1.0, 0.0, 1.0]])
    low, middle, high = quartiles(curves, jnp.ones((1, 5), bool))
    assert (low[0], middle[0], high[0]) == (-INF, -1, 0)


def test_a_nan_in_one_example_is_seen_and_one_that_is_not_there_is_not():
    curves = jnp.array([[0.0, NAN, 2.0], [0.0, NAN, 2.0]])
    there = jnp.array([[True, True, True], [True, False, True]])
    for curve in quartiles(curves, there):
        assert np.isnan(curve[0])
        assert not np.isnan(curve[1])


@pytest.mark.parametrize("rho", [0.5, 0.9, 1.0, 1.1, 2.0])
def test_decay_rate_of_a_power_is_its_logarithm(rho):
    """ρ^k has the slope ln ρ: negative where it vanishes."""
    # Thirty numbers of order 1 to 10, each rounded at 1e-16 relative.
    np.testing.assert_allclose(decay_rate(power(rho) - 3, ALL), np.log(rho), rtol=0, atol=1e-13)


def test_decay_rate_is_the_least_squares_slope():
    curve = np.random.default_rng(0).standard_normal(T)
    expected = np.polyfit(LAGS, curve * np.log(10), deg=1)[0]
    np.testing.assert_allclose(decay_rate(jnp.asarray(curve), ALL), expected, rtol=1e-12)  # rounding of both fits


def test_decay_rate_leaves_out_zeros_and_lags_that_are_not_there():
    there = jnp.asarray(LAGS < 20)
    curve = power(0.9).at[jnp.array([0, 7])].set(-INF).at[20:].set(NAN)
    np.testing.assert_allclose(decay_rate(curve, there), np.log(0.9), rtol=1e-12)  # rounding, as above


@pytest.mark.parametrize(
    "curve",
    [
        jnp.full(T, -INF),
        jnp.full(T, -INF).at[3].set(1.0),
        power(0.9).at[4].set(NAN),
        power(0.9).at[4].set(INF),
    ],
    ids=["nothing", "one point", "NaN", "overflow"],
)
def test_decay_rate_is_nan_where_there_is_no_slope(curve):
    assert np.isnan(decay_rate(curve, ALL))


@pytest.mark.parametrize(
    ("rho", "horizon"), [(0.5, 1), (0.9, 9), (0.95, 19), (0.99, T - 1), (1.0, T - 1), (1.1, T - 1)]
)
def test_horizon_of_a_power(rho, horizon):
    """ρ^k ≥ 1/e as long as k ≤ 1 / ln(1/ρ), or to the end of the sequence."""
    assert horizon == T - 1 or horizon == int(1 / np.log(1 / rho))
    assert horizon_of(power(rho) - 5, ALL) == horizon


@pytest.mark.parametrize("share", [0.01, 0.5])
@pytest.mark.parametrize("rho", [0.3, 0.8, 0.95, 1.0, 1.1])
def test_reach_of_a_power(rho, share):
    """ρ^k ≥ share as long as k ≤ ln share / ln ρ, or to the end of the sequence."""
    expected = T - 1 if rho >= 1 else min(T - 1, int(np.log(share) / np.log(rho)))
    assert reach_of(power(rho) - 5, ALL, share) == expected


def test_horizon_is_the_largest_lag_even_if_the_curve_was_lower_before():
    curve = jnp.full(T, -4.0).at[0].set(0.0).at[12].set(-0.4)  # log10(1/e) = -0.434
    assert horizon_of(curve, ALL) == 12
    assert horizon_of(curve.at[12].set(-0.5), ALL) == 0


def test_horizon_starts_from_the_first_lag_that_has_a_gradient():
    """As for the c of an LSTM, which the output does not read."""
    curve = jnp.concatenate([jnp.array([-INF]), power(0.9)[:-1]])
    assert horizon_of(curve, ALL) == 10


def test_horizon_ends_where_the_lags_end():
    assert horizon_of(power(1.0).at[20:].set(NAN), jnp.asarray(LAGS < 20)) == 19


@pytest.mark.parametrize("curve", [jnp.full(T, -INF), power(0.9).at[4].set(NAN)], ids=["nothing", "NaN"])
def test_horizon_is_nan_where_there_is_no_gradient(curve):
    assert np.isnan(horizon_of(curve, ALL))


@pytest.mark.parametrize(("rho", "share"), [(0.5, 0), (1.0, 0), (1.03, 0), (1.05, 1), (2.0, 1)])
def test_exploding_is_above_e_at_some_lag(rho, share):
    """ρ^k > e at k = 29 for ρ > e^{1/29} = 1.035."""
    assert exploding(power(rho)[:, None] - 5, ALL[:, None]) == share


def test_exploding_is_a_share_of_the_examples():
    """Of those that have a gradient; what lies behind an example's first step does not count."""
    up_and_down = jnp.zeros(T).at[12].set(0.5)  # log10(e) = 0.434
    barely = jnp.zeros(T).at[12].set(0.4)
    no_gradient = jnp.full(T, -INF)
    later = power(1.2).at[0].set(-INF)  # the reference is lag 1
    padded = power(1.5).at[2:].set(NAN)
    curves = jnp.stack([up_and_down, barely, no_gradient, later, padded], axis=1)
    there = jnp.stack([ALL, ALL, ALL, ALL, jnp.asarray(LAGS < 2)], axis=1)
    assert exploding(curves, there) == 2 / 4


def test_exploding_is_nan_where_there_is_no_gradient():
    assert np.isnan(exploding(jnp.full((T, 2), -INF), jnp.ones((T, 2), bool)))
    broken = jnp.stack([power(0.9), power(0.9).at[4].set(NAN)], axis=1)
    assert np.isnan(exploding(broken, jnp.ones((T, 2), bool)))
