"""What training minimises: each mode changes what it must and nothing else, and what is off is not computed."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.dynamics.regularizers import gradient_flossing, omega_regulariser
from rnnx.pytrees import in_type
from rnnx.training.objective import Objective, checked, gradient
from rnnx.training.program import applying, mean_loss
from rnnx.training.runs import execution
from tests.helpers import compiled
from tests.variants import assert_close, slow_unless

pytestmark = pytest.mark.xdist_group("objective")  # what a mode compiles to is compiled once

T, B = 12, 4
TASK = rnnx.tasks.get("adding")()
CELL = rnnx.rnn(5)
MODEL = functools.partial(rnnx.models.get("sequence"), CELL, TASK)
PARAMS = compiled.params(MODEL)
BATCH = compiled.sample(TASK.sample, jax.random.key(1), B, T)
KEY = jax.random.key(2)


def loss_of(model):
    apply = applying(model)
    return lambda params, batch, run: mean_loss(TASK, apply(params, batch, run), batch)


@functools.cache
def compiled_gradient(objective):
    return jax.jit(gradient(loss_of(MODEL), objective))


def of_cell(params):
    return params["cells"]["cell"]


def from_outputs(params, ys):
    """The loss from the cell's outputs."""
    return mean_loss(TASK, ys @ params["readout"]["kernel"] + params["readout"]["bias"], BATCH)


def taken(key=KEY, step=0, **modes):
    return compiled_gradient(Objective(**modes))(PARAMS, BATCH, key, step, None)[:2]


def plainly(params, batch, key, step):
    return jax.value_and_grad(lambda p: loss_of(MODEL)(p, batch, rnnx.plain_run))(params)


def same(a, b):
    return all(jax.tree.leaves(jax.tree.map(lambda x, y: bool((x == y).all()), a, b)))


def test_what_is_off_is_not_computed():
    """The default is, instruction for instruction, the gradient of the model's loss."""
    given = (PARAMS, BATCH, KEY, 0)
    by_default = jax.jit(gradient(loss_of(MODEL), Objective())).lower(*given, None).as_text()
    assert by_default.replace("jit_plain", "") == jax.jit(plainly).lower(*given).as_text().replace("jit_plainly", "")


def test_truncation_by_all_steps_is_none_and_by_fewer_is_that_of_unroll():
    value, whole = taken()
    # The same sums, compiled differently: a few float32 roundings.
    assert_close(taken(truncate=T), (value, whole), rtol=1e-5, atol=1e-7)
    value_4, cut = taken(truncate=4)

    def loss(params):
        return from_outputs(params, rnnx.unroll(CELL, of_cell(params), BATCH.inputs, truncate=4).outputs)

    assert_close((value_4, cut), jax.jit(jax.value_and_grad(loss))(PARAMS), rtol=1e-5, atol=1e-7)
    assert_close(value_4, value, rtol=1e-6)
    assert not jnp.allclose(of_cell(cut).recurrent_kernel, of_cell(whole).recurrent_kernel, rtol=1e-3)


def in_float64(model):
    """Parameters of a model, and a batch in which every step is scored."""
    params = compiled.params(model)
    params, batch = in_type("float64", (params, BATCH))
    targets = jax.random.normal(KEY, batch.targets.shape, "float64")
    return params, batch._replace(targets=targets, weights=jnp.ones_like(batch.weights), restarts=jnp.ones(B, bool))


def test_one_chunk_that_is_the_whole_has_the_whole_gradient():
    """That of a learned initial state, which a state that is handed over would not have, too."""
    model = functools.partial(MODEL.func, rnnx.learned_initial_state(CELL), TASK)
    with jax.enable_x64(True):
        params, batch = in_float64(model)
        carrying, plainly = (gradient(loss_of(model), Objective(carry_state=on)) for on in (True, False))
        nothing = jax.eval_shape(carrying, params, batch, KEY, 0, None)[2]
        lost = jax.tree.map(lambda s: jnp.full(s.shape, jnp.nan, s.dtype), nothing)  # nobody may look at it
        found = jax.jit(carrying)(params, batch, KEY, 0, lost)[:2]
        expected = jax.jit(plainly)(params, batch, KEY, 0, None)[:2]
        # The same sums in float64, compiled differently.
        assert_close(found, expected, rtol=1e-12, atol=1e-14)
        assert jnp.abs(of_cell(found[1]).initial_state.h).min() > 0


def test_chunks_with_the_state_carried_are_one_sequence_truncated_between_them():
    """In two layers, and with a second sequence behind the first: an example that restarts knows nothing of before."""
    model = functools.partial(MODEL.func, rnnx.gru(3), TASK, layers=2)
    with jax.enable_x64(True):
        params, batch = in_float64(model)
        carrying = jax.jit(gradient(loss_of(model), Objective(carry_state=True)))
        found, states = [], None
        for step in range(6):
            chunk = jax.tree.map(lambda a, n=4 * (step % 3): a[n : n + 4] if a.ndim > 1 else a, batch)
            chunk = chunk._replace(restarts=jnp.full(B, step % 3 == 0))
            value, gradients, states = carrying(params, chunk, KEY, 0, states)
            found.append((value, gradients))
        truncated = jax.jit(gradient(loss_of(model), Objective(truncate=4, carry_state=True)))
        *expected, ended = truncated(params, batch, KEY, 0, states)
        for part in found[:3], found[3:]:
            mean = jax.tree.map(lambda *a: sum(a) / 3, *part)
            # The same sums in float64, compiled differently.
            assert_close(mean, tuple(expected), rtol=1e-12, atol=1e-14)
        assert_close(states, ended, rtol=1e-12, atol=1e-14)


def test_a_dropped_state_is_that_of_an_example_that_restarts():
    """Of copies of one example each has the loss of one that goes on, or of one that begins anew."""
    probability, copies, keys = 0.25, 32, 64
    with jax.enable_x64(True):
        params, batch = in_float64(MODEL)
        batch = jax.tree.map(lambda a: jnp.repeat(jnp.take(a, jnp.array([0]), a.ndim > 1), copies, a.ndim > 1), batch)
        going_on = batch._replace(restarts=jnp.zeros(copies, bool))
        carrying = jax.jit(gradient(loss_of(MODEL), Objective(carry_state=True)))
        dropping = gradient(loss_of(MODEL), Objective(carry_state=True, drop_state=probability))
        states = carrying(params, batch, KEY, 0, None)[2]
        anew, on = (carrying(params, b, KEY, 0, states)[0] for b in (batch, going_on))
        draw = jax.jit(jax.vmap(lambda key: dropping(params, going_on, key, 0, states)[0]))
        dropped = np.asarray(copies * (draw(jax.random.split(KEY, keys)) - on) / (anew - on))
    # Whole numbers, in float64 up to the rounding of sums of 32 losses.
    np.testing.assert_allclose(dropped, np.round(dropped), atol=1e-6)
    # The share among 2048 draws has a standard deviation of 0.0096; this is four of them.
    assert abs(dropped.mean() / copies - probability) < 0.04
    assert len(set(np.round(dropped))) > 3


def test_random_truncation_is_drawn_from_the_key_and_leaves_the_loss():
    value, whole = taken()
    one, again, other = (taken(jax.random.key(k), random_truncation=0.3) for k in (0, 0, 2))
    assert same(one, again)
    assert not same(of_cell(one[1]), of_cell(other[1]))
    for found, gradients in (one, other):
        assert_close(found, value, rtol=1e-6)  # float32 rounds at 6e-8
        assert_close(gradients["readout"], whole["readout"], rtol=1e-5, atol=1e-7)
        assert not jnp.allclose(of_cell(gradients).recurrent_kernel, of_cell(whole).recurrent_kernel, rtol=1e-3)


def test_random_truncation_is_right_on_average():
    _, whole = taken()
    keys = jax.random.split(KEY, 4000)
    many = jax.vmap(lambda key: of_cell(taken(key, random_truncation=0.1)[1]))(keys)
    for drawn, expected in zip(many, of_cell(whole), strict=True):
        # Four standard errors of the mean over 4000 draws, or five where there are many entries to be off.
        error = np.std(drawn, axis=0) / np.sqrt(len(keys))
        assert np.all(np.abs(np.mean(drawn, axis=0) - expected) <= 5 * error + 1e-7)


def test_omega_is_added_to_the_gradient_and_not_to_the_loss_that_is_told():
    value, whole = taken()
    told, gradients = taken(omega=2.0)

    @jax.jit
    def of_omega(params):
        flow = rnnx.gradient_flow(CELL, params, BATCH.inputs, lambda ys: from_outputs(PARAMS, ys))
        return jax.grad(lambda p: 2.0 * omega_regulariser(CELL, p, BATCH.inputs, flow.after, flow.state_gradients))(
            params
        )

    added = of_omega(of_cell(PARAMS))
    assert_close(told, value, rtol=1e-6)  # float32 rounds at 6e-8
    assert_close(gradients["readout"], whole["readout"], rtol=1e-5, atol=1e-7)
    # Of order 1 and a sum over T steps: some float32 roundings.
    assert_close(of_cell(gradients), jax.tree.map(jnp.add, of_cell(whole), added), rtol=1e-4, atol=1e-5)
    assert jnp.abs(added.recurrent_kernel).max() > 1e-3


@pytest.mark.slow
def test_omega_of_a_stack_looks_at_what_is_handed_from_step_to_step():
    """It does not matter how the stack is run: as its own `step`, or layer by layer."""
    stack = rnnx.stack(rnnx.rnn(3), rnnx.rnn(4))
    models = [functools.partial(MODEL.func, cell, TASK) for cell in (stack, stack._replace(form=None))]
    params = compiled.params(models[0])
    one, other = (jax.jit(gradient(loss_of(m), Objective(omega=1.0)))(params, BATCH, KEY, 0, None) for m in models)
    assert_close(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("modes", slow_unless(lambda modes: "omega" in modes, [{"omega": 2.0}, {"flossing_steps": 1}]))
def test_omega_and_flossing_are_computed_in_float32_where_time_runs_in_bfloat16(modes):
    in_bfloat16 = jax.jit(gradient(loss_of(MODEL), Objective(**modes), execution("bfloat16")))
    _, low, _ = in_bfloat16(PARAMS, BATCH, KEY, 0, None)
    _, high = taken(**modes)
    low, high = of_cell(low).recurrent_kernel, of_cell(high).recurrent_kernel
    assert low.dtype == jnp.float32
    # bfloat16 rounds at 2⁻⁹ = 0.002 in each of 12 steps.
    assert jnp.linalg.norm(low - high) < 0.05 * jnp.linalg.norm(high)


def test_flossing_comes_first_and_leaves_the_readout_alone():
    value, whole = taken()
    modes = {"flossing_steps": 3, "flossing_exponents": 2}
    told, gradients = taken(step=2, **modes)
    expected = jax.jit(jax.grad(lambda p: gradient_flossing(CELL, p, BATCH.inputs, 2)))(of_cell(PARAMS))
    assert_close(told, value, rtol=1e-6)  # float32 rounds at 6e-8
    # QR of 2 vectors at each of T steps, differentiated: some tens of float32 roundings.
    assert_close(of_cell(gradients), expected, rtol=1e-3, atol=1e-5)
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(gradients["readout"]))
    assert_close(taken(step=3, **modes), (value, whole), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("modes", "message"),
    [
        ({"truncate": -1}, "truncate must be a whole number of at least 0, not -1."),
        ({"truncate": 2.5}, "truncate must be a whole number of at least 0, not 2.5."),
        ({"carry_state": 1}, "carry_state must be True or False, not 1."),
        ({"drop_state": 1.0}, "drop_state must be a probability of at least 0 and below 1, not 1.0."),
        ({"drop_state": 0.01}, "drop_state = 0.01 needs carry_state = True: no state is there to drop."),
        ({"random_truncation": 1.0}, "random_truncation must be a probability of at least 0 and below 1, not 1.0."),
        ({"random_truncation": -0.1}, "random_truncation must be a probability of at least 0 and below 1, not -0.1."),
        ({"random_truncation": float("nan")}, "random_truncation must be a finite number, not nan."),
        ({"omega": 1.0, "random_truncation": 0.1}, "omega looks at one step after another"),
        ({"omega": -2.0}, "omega must be a number of at least 0, not -2.0."),
        ({"flossing_steps": -1}, "flossing_steps must be a whole number of at least 0, not -1."),
        ({"flossing_exponents": 0}, "flossing_exponents must be a whole number of at least 1, not 0."),
        ({"truncate": 4, "random_truncation": 0.1}, "truncate and random_truncation are two ways to cut the gradient"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(modes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        checked(Objective(**modes))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("truncate", 5),
        ("random_truncation", 0.1),
        ("dropout", 0.1),
        ("recurrent_dropout", 0.1),
        ("zoneout", 0.1),
        ("omega", 1.0),
        ("flossing_steps", 1),
    ],
)
def test_what_is_done_with_recurrent_parts_is_refused_where_there_are_none(name, value):
    def loss(params, batch, run):
        return jnp.sum(params["readout"]["kernel"] ** 2)

    step = jax.jit(gradient(loss, Objective(**{name: value})))
    with pytest.raises(
        ValueError, match=rf"^{name} is for models with a recurrent part, and this one has none: set it"
    ):
        jax.eval_shape(step, PARAMS, BATCH, KEY, 0, None)
