"""DSANet against the paper's equations in NumPy, head by head and series by series."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.models.dsanet import Dsanet, Layer
from tests.helpers.forecasting import assert_is, forecaster, forecasting_task
from tests.reference import forecasting as reference

W = 6


def given(O=2):
    return forecaster(
        "dsanet", rnnx.gru(4), W + 1, B=2, O=O, window=W, filters=5, layers=1, heads=2, head_size=3, inner_size=7
    )


def test_it_is_the_equations_written_out(float64):
    """All sizes differ, so that no two axes of heads, series and batch can be taken for each other. What is added to
    all keys is added to all scores of a query, and so of no account."""
    assert_is(functools.partial(reference.dsanet, window=W, series=2), given(), of_no_account="['key']['bias']")


def test_there_is_no_recurrent_part(float64):
    assert given().flows(given().params, given().xs) == {}


def test_what_is_attended_to_has_a_matrix_of_its_own(float64):
    """With values of zero attention gives its bias alone, whatever the keys are."""
    layer = Layer(4, 2, 6, 8, nnx.Rngs(0))
    graphdef, params = nnx.split(layer.attention)
    params = jax.tree.map(lambda p: np.asarray(p, float), nnx.to_pure_dict(params))
    z = np.random.default_rng(0).standard_normal((2, 3, 4))
    attend = jax.jit(lambda params: nnx.merge(graphdef, params)(z))
    found = attend(params)
    assert np.abs(found).min() > 1e-6
    without = params | {"value": jax.tree.map(np.zeros_like, params["value"])}
    np.testing.assert_array_equal(attend(without), np.broadcast_to(params["out"]["bias"], z.shape))


def test_to_exchange_series_exchanges_their_forecasts(float64):
    of = given(O=3)
    order = np.array([2, 0, 1])
    found, expected = of.forecast(of.params, of.xs[..., order]), of.forecast(of.params, of.xs)[:, order]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)  # sums in another order


def test_nothing_comes_after_the_readout(float64):
    """With the opposite readout, and no autoregression, forecasts are the opposite, and so of any sign."""
    of = given()
    alone = of.params | {"autoregression": jax.tree.map(np.zeros_like, of.params["autoregression"])}
    found = of.forecast(alone, of.xs)
    assert (np.abs(found) > 1e-6).all()
    opposite = alone | {"readout": jax.tree.map(np.negative, alone["readout"])}
    np.testing.assert_array_equal(of.forecast(opposite, of.xs), -found)


def test_sizes_that_are_none_are_refused():
    for option in ("filters", "kernel", "layers", "heads", "head_size", "window"):
        with pytest.raises(ValueError, match=f"^{option} must be a whole number of at least 1, not 0"):
            Dsanet(rnnx.gru(4), forecasting_task(), **{option: 0}, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match=r"^kernel must be at most the window, 2 steps, not 3\.$"):
        Dsanet(rnnx.gru(4), forecasting_task(), window=2, rngs=nnx.Rngs(0))
