"""Steps of the optimisers and of clipping, against NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.training.optimizers import Groups, Hyperparameters, clipped_norm, update_rule

W = np.array([1.0, -2.0, 0.5])
GRADIENTS = (np.array([3.0, -0.4, 0.02]), np.array([-1.0, 0.3, 4.0]))
RATE = 0.1


def parameters_after(optimizer, **hyperparameters):
    """After a step for each of `GRADIENTS`, from W."""
    rule = update_rule(optimizer, RATE, Hyperparameters(0, RATE, **hyperparameters))
    params = {"w": jnp.asarray(W, jnp.float32)}
    state = rule.init(params)
    for gradient in GRADIENTS:
        with jax.numpy_dtype_promotion("standard"):  # optax needs it
            updates, state = rule.update({"w": jnp.asarray(gradient, jnp.float32)}, state, params)
        params = {"w": params["w"] + updates["w"]}
    return np.asarray(params["w"])


def sgd(momentum):
    w, trace = W, 0.0
    for g in GRADIENTS:
        trace = g + momentum * trace
        w = w - RATE * trace
    return w


def adam(weight_decay):
    """Decay is decoupled: it does not pass through the means."""
    w, m, v = W, 0.0, 0.0
    for t, g in enumerate(GRADIENTS, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - RATE * (m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8) + weight_decay * w)
    return w


def adagrad():
    w, total = W, 0.1
    for g in GRADIENTS:
        total = total + g**2
        w = w - RATE * g / np.sqrt(total + 1e-7)
    return w


def clipped(clip):
    return W - RATE * sum(clip(g) for g in GRADIENTS)


@pytest.mark.parametrize(
    ("optimizer", "hyperparameters", "expected"),
    [
        ("sgd", {}, sgd(0.0)),
        ("sgd", {"momentum": 0.9}, sgd(0.9)),
        ("adam", {"weight_decay": 0.1}, adam(0.0)),
        ("adamw", {"weight_decay": 0.1}, adam(0.1)),
        ("adagrad", {}, adagrad()),
        ("sgd", {"clip_norm": 2.0}, clipped(lambda g: g * min(1, 2 / np.linalg.norm(g)))),
        ("sgd", {"clip_value": 0.5}, clipped(lambda g: np.clip(g, -0.5, 0.5))),
    ],
)
def test_two_steps_are_those_of_the_paper(optimizer, hyperparameters, expected):
    # Some float32 roundings of numbers of size 2; of Adam's 1 - 0.999, which has four digits less, 1e-4 × rate.
    np.testing.assert_allclose(parameters_after(optimizer, **hyperparameters), expected, atol=1e-5)


def test_all_hyperparameters_are_inputs_of_one_program():
    """Trials that differ in any of them compile once, but for those that clip by value."""
    traces = []

    @jax.jit
    def one_step(given):
        traces.append(given)
        rule = update_rule("adamw", given.learning_rate, given)
        params = {"w": jnp.ones(3)}
        with jax.numpy_dtype_promotion("standard"):
            return rule.update(params, rule.init(params), params)[0]

    for changes in ({}, {"learning_rate": 1.0}, {"clip_norm": 2.0}, {"weight_decay": 0.5}, {"momentum": 0.5}):
        one_step(Hyperparameters(0, 0.1)._replace(**changes))
    assert len(traces) == 1
    one_step(Hyperparameters(0, 0.1, clip_value=1.0))
    one_step(Hyperparameters(0, 0.1, clip_value=2.0))
    assert len(traces) == 2


@pytest.mark.parametrize(
    ("limits", "left"), [({}, 5.0), ({"clip_norm": 2.0}, 2.0), ({"clip_value": 0.5}, 1.0), ({"clip_value": 9.0}, 5.0)]
)
def test_the_largest_norm_that_clipping_may_leave(limits, left):
    """Of four numbers, each at most 0.5: 1."""
    gradients = {"w": jnp.zeros(3), "b": jnp.zeros(1)}
    assert float(clipped_norm(gradients, jnp.float32(5.0), Hyperparameters(0, 0.1, **limits))) == left


def test_groups_have_a_penalty_a_rate_or_a_beginning_of_their_own():
    """The penalty's gradient goes through AdaGrad's sums, as that of a loss would; what has a rate knows no other."""
    groups = Groups(l2=(("cells", 0.5), ("readout", 0.1)), sgd=(("embedding", 0.3),), initial_sum=0.0)
    rule = update_rule("adagrad", RATE, Hyperparameters(0, RATE, clip_value=1.0), groups)
    params = {name: {"w": jnp.asarray(W, jnp.float32)} for name in ("cells", "readout", "embedding", "bias")}
    state = rule.init(params)
    expected, sums = dict.fromkeys(params, W), dict.fromkeys(params, 0.0)
    strength = {"cells": 0.5, "readout": 0.1, "bias": 0.0}
    for gradient in GRADIENTS:
        clipped = np.clip(gradient, -1, 1)
        gradients = {name: {"w": jnp.asarray(gradient, jnp.float32)} for name in params}
        with jax.numpy_dtype_promotion("standard"):  # optax needs it
            updates, state = rule.update(gradients, state, params)
        params = jax.tree.map(jnp.add, params, updates)
        expected["embedding"] = expected["embedding"] - 0.3 * clipped
        for name, weight in strength.items():
            g = clipped + weight * expected[name]
            sums[name] = sums[name] + g**2
            expected[name] = expected[name] - RATE * g / np.sqrt(sums[name] + 1e-7)
    for name, value in expected.items():
        np.testing.assert_allclose(params[name]["w"], value, rtol=1e-5)  # float32, some roundings
