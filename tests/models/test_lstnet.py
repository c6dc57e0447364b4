"""LSTNet against the paper's equations in NumPy, its number of parameters, and the faults of its descendants."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.models.lstnet import Lstnet, interleaved, of_size
from rnnx.training.evaluation import evaluate
from rnnx.training.program import applying, split
from tests.helpers import at_hand, compiled
from tests.helpers.forecasting import assert_flows_are_differences, assert_is, forecaster, forecasting_task
from tests.reference import forecasting as reference

SIZES = {"kernel": 2, "skip": 3, "highway_window": 4}
T = 12  # 11 steps of c, of which the last 9 are three periods


def given():
    return forecaster("lstnet", rnnx.gru(4), T, **SIZES, filters=3, skip_size=2)


def test_it_is_the_equations_written_out(float64):
    assert_is(functools.partial(reference.lstnet, **SIZES), given())


def test_the_gradient_at_every_step_of_both_parts_is_that_of_finite_differences(float64):
    assert_flows_are_differences(given())
    flows = given().flows(given().params, given().xs)
    assert flows["gru"].inputs.shape == (11, 3, 3)
    assert flows["skip"].inputs.shape == (3, 3 * 3, 3)


def sizes(cell, m=8):
    params = jax.eval_shape(
        lambda: split(functools.partial(Lstnet, cell, forecasting_task(m, m)), jax.random.key(0))[1]
    )
    return {name: sum(leaf.size for leaf in jax.tree.leaves(part)) for name, part in params.items()}


def test_with_the_numbers_for_exchange_rates_it_has_as_many_parameters_as_the_authors_own():
    """19,998 of theirs: a GRU of PyTorch has two biases a gate, and one of rnnx has one but for the candidate, where
    the second is of account: 2 H less of H units."""
    found = sizes(rnnx.gru(50))
    assert found == {
        "convolution": 6 * 8 * 50 + 50,
        "cells": 3 * (50 * 50 + 50 * 50) + 4 * 50 + 3 * (50 * 5 + 5 * 5) + 4 * 5,
        "readout": (50 + 24 * 5) * 8 + 8,
        "highway": 24 + 1,
    }
    assert sum(found.values()) == 19_888
    second_biases = 2 * 50 + 2 * 5
    assert sum(found.values()) + second_biases == 19_998


def test_what_skips_recurs_over_every_pth_step(float64):
    """Its state depends on that p steps before by way of h, and on nothing between: no outputs put side by side."""
    c = np.arange(11.0).reshape(11, 1, 1) + np.array([0, 100]).reshape(1, 2, 1)
    expected = [[2, 3, 4, 102, 103, 104], [5, 6, 7, 105, 106, 107], [8, 9, 10, 108, 109, 110]]
    np.testing.assert_array_equal(interleaved(jnp.asarray(c), 3, 3)[..., 0], expected)
    flow = given().flows(given().params, given().xs)["skip"]

    @jax.jit
    @jax.vmap
    def through_h(s, x):
        return jax.jacobian(lambda s: flow.cell.step(flow.params, s, x))(s).h.h

    last_step = through_h(jax.tree.map(lambda s: s[-2], flow.states), flow.inputs[-1])
    assert (np.abs(last_step) > 1e-6).all()
    assert (np.abs(flow.state_gradients.h) > 1e-9).all()  # of all three steps, in each of the interleaved sequences


def test_only_whole_periods_are_looked_at(float64):
    """⌊(T - C) / p⌋ of them, and no fraction: the steps before are left out."""
    of = given()
    for steps, periods in ((5, 1), (T - 2, 2), (T - 1, 3), (T, 3), (T + 1, 3), (T + 2, 4)):
        flows = jax.eval_shape(of.flows, of.params, jax.ShapeDtypeStruct((steps, 3, 3), float))
        assert flows["skip"].inputs.shape == (periods, 3 * 3, 3)


def test_without_skip_or_highway_there_is_neither(float64):
    of = forecaster("lstnet", rnnx.gru(4), 6, kernel=2, skip=0, highway_window=0)
    assert set(of.params) == {"cells", "convolution", "readout"}
    assert set(of.flows(of.params, of.xs)) == {"gru"}


def test_the_skip_has_the_cell_of_the_model_with_units_of_its_own():
    assert of_size(rnnx.lstm(50, forget_bias=2.0), 5) == rnnx.lstm(5, forget_bias=2.0)
    by_hand = rnnx.gru(50)._replace(gates=None)
    assert of_size(by_hand, 50) is by_hand
    with pytest.raises(ValueError, match=r"^the model 'lstnet' makes its skip of the same cell with 5 units, and this"):
        of_size(by_hand, 5)
    with pytest.raises(
        ValueError, match=r"hidden_size: take a cell such as rnnx\.gru\(50\), or set skip_size to 50\.$"
    ):
        of_size(rnnx.layer_norm(rnnx.gru(50)), 5)


@pytest.mark.parametrize(
    ("option", "value"), [("filters", 0), ("kernel", 0), ("skip", -1), ("skip_size", 0), ("highway_window", -1)]
)
def test_sizes_that_are_none_are_refused(option, value):
    with pytest.raises(ValueError, match=f"^{option} must be a whole number of at least"):
        Lstnet(rnnx.gru(4), forecasting_task(), **{option: value}, rngs=nnx.Rngs(0))


def test_with_the_last_weight_alone_it_has_the_errors_of_persistence_on_exchange_rates():
    """RSE .0171 and CORR .9761 three days on: nothing between the window's end and its target is lost or seen."""
    task = at_hand.task("exchange_rate")
    if task is None:
        pytest.skip("the rates are not on this machine")
    task = task.with_window(24)
    model = functools.partial(Lstnet, rnnx.gru(1), task, filters=1, kernel=1, skip=0)
    apply = applying(model)
    params = jax.tree.map(jnp.zeros_like, compiled.params(model))
    params["highway"]["kernel"] = params["highway"]["kernel"].at[-1].set(1)

    @jax.jit
    def score(params, batch, states):
        return task.scores(apply(params, batch, rnnx.plain_run), batch), states

    found = evaluate(score, params, task.test_batches(512), task.summary)
    assert round(found["rse"], 4) == 0.0171
    assert round(found["corr"], 4) == 0.9761
    assert found["skill"] == 0
