"""Ways to run time: each is what it says and leaves the rest alone."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.training.objective import Objective, checked, evaluation, gradient
from rnnx.training.program import applying, mean_loss
from rnnx.training.runs import carried, execution, with_dropout, with_zoneout
from tests.helpers import compiled
from tests.variants import assert_close, slow_unless

TASK = rnnx.tasks.get("adding")()
CELL = rnnx.lstm(4)
MODEL = functools.partial(rnnx.models.get("sequence"), CELL, TASK, layers=2)
PARAMS = compiled.params(MODEL)
BATCH = compiled.sample(TASK.sample, jax.random.key(1), 3, 6)
KEY = jax.random.key(2)
APPLY = applying(MODEL)


def outputs(run):
    return APPLY(PARAMS, BATCH, run)


def written_out(change):
    """Two layers, the cell of each changed as `change(cell, number of the layer)` says."""
    first = rnnx.unroll(change(CELL, 0), PARAMS["cells"]["layer0"], BATCH.inputs).outputs
    second = rnnx.unroll(change(CELL, 1), PARAMS["cells"]["layer1"], first).outputs
    return second @ PARAMS["readout"]["kernel"] + PARAMS["readout"]["bias"]


def test_each_part_has_masks_of_its_own():
    rates = {"input_rate": 0.3, "recurrent_rate": 0.3}
    expected = written_out(lambda cell, n: rnnx.dropout(cell, jax.random.fold_in(KEY, n), **rates))
    # The same products in the same order, compiled otherwise: a few float32 roundings.
    assert_close(outputs(with_dropout(rnnx.plain_run, KEY, **rates)), expected, rtol=1e-5, atol=1e-6)


def test_zoneout_is_drawn_in_training_and_expected_in_evaluation():
    drawn = written_out(lambda cell, n: rnnx.zoneout(cell, 0.3, jax.random.fold_in(KEY, n)))
    assert_close(outputs(with_zoneout(rnnx.plain_run, 0.3, KEY)), drawn, rtol=1e-5, atol=1e-6)  # as above
    expected = written_out(lambda cell, n: rnnx.zoneout(cell, 0.3))
    assert_close(outputs(evaluation(Objective(zoneout=0.3))(rnnx.plain_run)), expected, rtol=1e-5, atol=1e-6)
    assert evaluation(Objective(dropout=0.3))(rnnx.plain_run) is rnnx.plain_run


@pytest.mark.parametrize(
    "modes",
    slow_unless(lambda modes: "dropout" in modes, [{"dropout": 0.3}, {"recurrent_dropout": 0.3}, {"zoneout": 0.3}]),
)
def test_another_step_of_training_draws_others(modes):
    def loss(params, batch, run):
        return mean_loss(TASK, APPLY(params, batch, run), batch)

    taken = jax.jit(gradient(loss, Objective(**modes)))
    plainly = jax.jit(gradient(loss, Objective()))(PARAMS, BATCH, KEY, 0, None)[0]
    values = [float(taken(PARAMS, BATCH, jax.random.key(k), 0, None)[0]) for k in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
    assert plainly not in values


@pytest.mark.parametrize(
    ("engine", "remat"),
    slow_unless(
        lambda *case: case in (("scan", 2), ("loop", 2)),
        [("auto", 2), ("scan", None), ("scan", 2), ("loop", None), ("loop", 2)],
    ),
)
def test_engine_and_remat_change_no_result(engine, remat):
    if engine == "loop" and remat:
        with pytest.raises(ValueError, match="engine 'loop' does not rematerialise"):
            outputs(execution(engine=engine, remat=remat)(rnnx.plain_run))
        return
    found = outputs(execution(engine=engine, remat=remat)(rnnx.plain_run))
    assert_close(found, outputs(rnnx.plain_run), rtol=1e-5, atol=1e-6)  # a few float32 roundings


def test_time_alone_runs_in_bfloat16():
    seen = []

    def run(name, cell, params, xs, state=None, **options):
        seen.append((xs.dtype, jax.tree.leaves(params)[0].dtype))
        return rnnx.plain_run(name, cell, params, xs, state, **options)

    low = outputs(execution("bfloat16")(run))
    assert low.dtype == jnp.float32
    assert seen == [(jnp.bfloat16, jnp.bfloat16)] * 2
    # bfloat16 rounds at 2⁻⁹ = 0.002, some times in each of 6 steps and 2 layers.
    np.testing.assert_allclose(low, outputs(rnnx.plain_run), atol=0.05)


@pytest.mark.parametrize(
    ("cell", "examples", "options", "why"),
    [
        (CELL, 3, {"reverse": True}, "runs in reverse"),
        (CELL, 3, {"state": "handed over"}, "starts from a state that the model hands it"),
        (rnnx.bidirectional(CELL, CELL), 3, {}, "has a cell that can't be stepped"),
        (CELL, 6, {}, "runs over [6] sequences, not the [3] of the batch"),
    ],
)
def test_a_part_that_does_not_go_on_from_batch_to_batch_carries_no_state(cell, examples, options, why):
    run = carried(rnnx.plain_run, None, jnp.ones(3, bool), {})
    with pytest.raises(ValueError, match=re.escape(f"the part 'forward' {why}, and can't read on from batch to batch")):
        run("forward", cell, None, jnp.ones((5, examples, 2)), **options)


@pytest.mark.parametrize(
    ("modes", "message"),
    [
        ({"dropout": 1.0}, "dropout must be a share of at least 0 and below 1, not 1.0."),
        ({"recurrent_dropout": -0.1}, "recurrent_dropout must be a share of at least 0 and below 1, not -0.1."),
        ({"zoneout": float("nan")}, "zoneout must be a finite number, not nan."),
        ({"zoneout": 0.1, "omega": 1.0}, "omega looks at one step after another, which can't be done with zoneout"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(modes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        checked(Objective(**modes))
