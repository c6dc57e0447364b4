"""What training minimises: each mode changes what it must and nothing else, and what is off is not computed."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx import model
from rnnx.diagnostics.flossing import gradient_flossing
from rnnx.diagnostics.omega import omega_regulariser
from rnnx.objective import Objective, checked, gradient
from tests.examples import assert_close

T, B = 12, 4
TASK = rnnx.tasks.get("adding")()
CELL = rnnx.rnn(5)
GRAPHDEF, PARAMS = model.split(CELL, TASK, jax.random.key(0))
BATCH = TASK.sample(jax.random.key(1), B, T)
KEY = jax.random.key(2)


@functools.cache
def compiled(objective):
    return jax.jit(gradient(GRAPHDEF, TASK, objective))


def taken(key=KEY, step=0, **modes):
    return compiled(Objective(**modes))(PARAMS, BATCH, key, step)


def plainly(params, batch, key, step):
    return jax.value_and_grad(lambda p: TASK.loss(nnx.merge(GRAPHDEF, p)(batch), batch))(params)


def same(a, b):
    return all(jax.tree.leaves(jax.tree.map(lambda x, y: bool((x == y).all()), a, b)))


def test_what_is_off_is_not_computed():
    """The default is, instruction for instruction, the gradient of the model's loss."""
    given = (PARAMS, BATCH, KEY, 0)
    by_default = jax.jit(gradient(GRAPHDEF, TASK, Objective())).lower(*given).as_text()
    assert by_default.replace("jit_plain", "") == jax.jit(plainly).lower(*given).as_text().replace("jit_plainly", "")


def test_truncation_by_all_steps_is_none_and_by_fewer_is_that_of_unroll():
    value, whole = taken()
    # The same sums, compiled differently: a few float32 roundings.
    assert_close(taken(truncate=T), (value, whole), rtol=1e-5, atol=1e-7)
    value_4, cut = taken(truncate=4)

    def loss(params):
        ys = rnnx.unroll(CELL, params["cell"], BATCH.inputs, truncate=4).outputs
        return TASK.loss(ys @ params["readout"]["kernel"] + params["readout"]["bias"], BATCH)

    assert_close((value_4, cut), jax.value_and_grad(loss)(PARAMS), rtol=1e-5, atol=1e-7)
    assert_close(value_4, value, rtol=1e-6)
    assert not jnp.allclose(cut["cell"].recurrent_kernel, whole["cell"].recurrent_kernel, rtol=1e-3)


def test_random_truncation_is_drawn_from_the_key_and_leaves_the_loss():
    value, whole = taken()
    one, again, other = (taken(jax.random.key(k), random_truncation=0.3) for k in (0, 0, 2))
    assert same(one, again)
    assert not same(one[1]["cell"], other[1]["cell"])
    for found, gradients in (one, other):
        assert_close(found, value, rtol=1e-6)  # float32 rounds at 6e-8
        assert_close(gradients["readout"], whole["readout"], rtol=1e-5, atol=1e-7)
        assert not jnp.allclose(gradients["cell"].recurrent_kernel, whole["cell"].recurrent_kernel, rtol=1e-3)


def test_random_truncation_is_right_on_average():
    _, whole = taken()
    keys = jax.random.split(KEY, 4000)
    many = jax.vmap(lambda key: compiled(Objective(random_truncation=0.1))(PARAMS, BATCH, key, 0)[1]["cell"])(keys)
    for drawn, expected in zip(many, whole["cell"], strict=True):
        # Four standard errors of the mean over 4000 draws, or five where there are many entries to be off.
        error = np.std(drawn, axis=0) / np.sqrt(len(keys))
        assert np.all(np.abs(np.mean(drawn, axis=0) - expected) <= 5 * error + 1e-7)


def test_omega_is_added_to_the_gradient_and_not_to_the_loss_that_is_told():
    value, whole = taken()
    told, gradients = taken(omega=2.0)
    flow = rnnx.gradient_flow(
        CELL,
        PARAMS["cell"],
        BATCH.inputs,
        lambda ys: TASK.loss(ys @ PARAMS["readout"]["kernel"] + PARAMS["readout"]["bias"], BATCH),
    )
    after = jax.tree.map(lambda s: s[1:], flow.states)
    added = jax.grad(lambda p: 2.0 * omega_regulariser(CELL, p, BATCH.inputs, after, flow.state_gradients))(
        PARAMS["cell"]
    )
    assert_close(told, value, rtol=1e-6)  # float32 rounds at 6e-8
    assert_close(gradients["readout"], whole["readout"], rtol=1e-5, atol=1e-7)
    # Of order 1 and a sum over T steps: some float32 roundings.
    assert_close(gradients["cell"], jax.tree.map(jnp.add, whole["cell"], added), rtol=1e-4, atol=1e-5)
    assert jnp.abs(added.recurrent_kernel).max() > 1e-3


def test_omega_of_a_stack_looks_at_what_is_handed_from_step_to_step():
    """It does not matter how the stack is run: as its own `step`, or layer by layer."""
    stack = rnnx.stack(rnnx.rnn(3), rnnx.rnn(4))
    graphdefs = [model.split(cell, TASK, jax.random.key(0))[0] for cell in (stack, stack._replace(form=None))]
    params = model.split(stack, TASK, jax.random.key(0))[1]
    one, other = (jax.jit(gradient(g, TASK, Objective(omega=1.0)))(params, BATCH, KEY, 0) for g in graphdefs)
    assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_omega_and_flossing_are_computed_in_float32_where_time_runs_in_bfloat16():
    graphdef, params = model.split(CELL, TASK, jax.random.key(0), "bfloat16")
    for modes in ({"omega": 2.0}, {"flossing_steps": 1}):
        _, low = jax.jit(gradient(graphdef, TASK, Objective(**modes)))(params, BATCH, KEY, 0)
        _, high = taken(**modes)
        assert low["cell"].recurrent_kernel.dtype == jnp.float32
        # bfloat16 rounds at 2⁻⁹ = 0.002 in each of 12 steps.
        assert jnp.linalg.norm(low["cell"].recurrent_kernel - high["cell"].recurrent_kernel) < 0.05 * jnp.linalg.norm(
            high["cell"].recurrent_kernel
        )


def test_flossing_comes_first_and_leaves_the_readout_alone():
    value, whole = taken()
    modes = {"flossing_steps": 3, "flossing_exponents": 2}
    told, gradients = taken(step=2, **modes)
    expected = jax.grad(lambda p: gradient_flossing(CELL, p, BATCH.inputs, 2))(PARAMS["cell"])
    assert_close(told, value, rtol=1e-6)  # float32 rounds at 6e-8
    # QR of 2 vectors at each of T steps, differentiated: some tens of float32 roundings.
    assert_close(gradients["cell"], expected, rtol=1e-3, atol=1e-5)
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(gradients["readout"]))
    assert_close(taken(step=3, **modes), (value, whole), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("modes", "message"),
    [
        ({"truncate": -1}, "truncate must be a whole number of at least 0, not -1."),
        ({"truncate": 2.5}, "truncate must be a whole number of at least 0, not 2.5."),
        ({"random_truncation": 1.0}, "random_truncation must be a probability of at least 0 and below 1, not 1.0."),
        ({"random_truncation": -0.1}, "random_truncation must be a probability of at least 0 and below 1, not -0.1."),
        ({"random_truncation": float("nan")}, "random_truncation must be a finite number, not nan."),
        ({"omega": -2.0}, "omega must be a number of at least 0, not -2.0."),
        ({"flossing_steps": -1}, "flossing_steps must be a whole number of at least 0, not -1."),
        ({"flossing_exponents": 0}, "flossing_exponents must be a whole number of at least 1, not 0."),
        ({"truncate": 4, "random_truncation": 0.1}, "truncate and random_truncation are two ways to cut the gradient"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(modes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        checked(Objective(**modes))
