"""What every model that is for forecasts keeps to, and by it alone is known; a new one is tested on arrival."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.models._forecasting import forecasts
from rnnx.training.runs import with_dropout
from tests.helpers.forecasting import forecaster, forecasting_task
from tests.helpers.text_task import markov, text_task

ADDING, TASK = rnnx.tasks.get("adding")(), forecasting_task()
TEXT = text_task(markov(100, 6), 6)
CELL = rnnx.gru(3)
T = 70  # more than any of them looks at by default


def made(name, task, **options):
    return jax.eval_shape(lambda: nnx.split(rnnx.models.get(name)(CELL, task, rngs=nnx.Rngs(0), **options))[1])


def is_for_forecasts(name):
    for task in (ADDING, TEXT):
        try:
            made(name, task)
            return False
        except ValueError:
            pass
    try:
        made(name, TASK)
    except ValueError:
        return False
    return True


MODELS = [name for name in rnnx.models.names() if is_for_forecasts(name)]
OPTIONS = {"dsanet": {"layers": 1}}  # each compiles by itself
# All of one model in one process, which so compiles its forecasts once.
every_model = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(f"{name} forecasts")) for name in MODELS]
)


def of(name, O=2):
    return forecaster(name, CELL, T, O=O, **OPTIONS.get(name, {}))


def test_there_are_such_models():
    assert {"lstnet", "tpa_lstm", "da_rnn", "dsanet"} <= set(MODELS)
    assert "sequence" not in MODELS, "which does other things too"


@every_model
def test_another_task_is_refused_in_one_line(name):
    series = TASK.sample
    scored = TASK._replace(sample=lambda *given: series(*given)._replace(weights=jnp.ones((1, given[1]))))
    labelled = TASK._replace(sample=lambda *given: series(*given)._replace(targets=jnp.zeros((given[1], 2), int)))
    padded = TASK._replace(sample=lambda *given: series(*given)._replace(lengths=jnp.ones(given[1], int)))
    more = TASK._replace(input_size=1, output_size=2)
    for task in (ADDING, TEXT, scored, labelled, padded, more):
        assert not forecasts(task)
        with pytest.raises(
            ValueError, match=f"^the model '{name}' forecasts the first of the series .*, or another mod"
        ):
            made(name, task)
    tree = rnnx.cells.get("recursive")(3)
    with pytest.raises(ValueError, match=f"^the model '{name}' runs over time, and this cell over trees\\.$"):
        rnnx.models.get(name)(tree, TASK, rngs=nnx.Rngs(0))


@every_model
def test_a_window_that_is_too_short_is_refused_in_one_line(float64, name):
    """Down to the length that is named, which then will do."""

    def shape(steps):
        return jax.eval_shape(of(name).forecast_by, of(name).params, jax.ShapeDtypeStruct((steps, 2, 3), float)).shape

    def asked_for(steps):
        with pytest.raises(ValueError, match=f"^the model '{name}' looks at the last ") as told:
            shape(steps)
        assert "\n" not in str(told.value)
        return int(re.search(r"set task\.length to (\d+) or more", str(told.value))[1])

    steps = 1
    while True:
        try:
            found = shape(steps)
            break
        except ValueError:
            steps, before = asked_for(steps), steps
            assert steps > before
    assert found == (2, 2)
    assert asked_for(steps - 1) == steps > 1


@every_model
def test_time_has_a_direction(float64, name):
    """A window that is given in reverse is another one."""
    forecast, params, xs = of(name).forecast, of(name).params, of(name).xs
    assert (np.abs(forecast(params, xs) - forecast(params, xs[::-1])) > 1e-6).all()


@every_model
def test_the_last_step_is_known_and_examples_know_nothing_of_each_other(float64, name):
    forecast, params, xs = of(name).forecast, of(name).params, of(name).xs
    found = np.asarray(forecast(params, xs))
    moved = xs.copy()
    moved[-1, 1] += 1
    found_moved = np.asarray(forecast(params, moved))
    assert (np.abs(found_moved - found)[1] > 1e-8).all()
    np.testing.assert_array_equal(found_moved[[0, 2]], found[[0, 2]])
    order = [2, 0, 1]
    # The same sums for each example, in blocks of others.
    np.testing.assert_allclose(forecast(params, xs[:, order]), found[order], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(forecast(params, xs[:, 1:2]), found[1:2], rtol=1e-12, atol=1e-12)


def with_weights(params, last):
    """Parameters of which the autoregression alone is of account, by this last weight; `None` where there is none."""
    (own,) = [name for name in params if name in ("highway", "autoregression")] or [None]
    if own is None:
        return None
    zero = jax.tree.map(np.zeros_like, params)
    kernel = zero[own]["kernel"].copy()
    kernel[-1] = last
    return zero | {own: {"kernel": kernel, "bias": zero[own]["bias"]}}


@every_model
def test_persistence_can_be_represented_and_a_series_by_its_own_values(float64, name):
    """With the last weight of the autoregression one and all else zero each series is told to stay what it is."""
    forecast, params, xs = of(name).forecast, of(name).params, of(name).xs
    persistent = with_weights(params, 1.0)
    if persistent is None:
        pytest.skip("it has no autoregression")
    np.testing.assert_array_equal(forecast(persistent, xs), xs[-1, :, :2])
    constant = np.broadcast_to(xs[:1], xs.shape)
    np.testing.assert_array_equal(forecast(persistent, constant), xs[0, :, :2])


@every_model
def test_nothing_is_dropped_but_by_what_runs_time(float64, name):
    """No random state is in the model, so that two evaluations are equal; in training what a part reads is dropped."""
    of_model = of(name)
    kinds = {type(leaf) for _, leaf in nnx.to_flat_state(made(name, TASK))}
    assert kinds == {nnx.Param}

    @jax.jit
    def dropped(key):
        run = with_dropout(rnnx.plain_run, key, input_rate=0.5)
        return of_model.forecast_by(of_model.params, of_model.xs, run)

    plainly = np.asarray(of_model.forecast(of_model.params, of_model.xs))
    np.testing.assert_array_equal(of_model.forecast(of_model.params, of_model.xs), plainly)
    one, other = (np.asarray(dropped(jax.random.key(n))) for n in (0, 1))
    recurrent = "cells" in nnx.to_pure_dict(made(name, TASK))
    for a, b in ((one, other), (one, plainly)):
        assert (np.abs(a - b) > 1e-8).all() == recurrent
        assert np.allclose(a, b, rtol=1e-12) != recurrent
