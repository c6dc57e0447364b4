"""Schedules by their closed forms, and the rate that training really takes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.training import schedules
from tests.training.test_program import given, make, same

STEPS = np.arange(0, 45, 3)


@pytest.mark.parametrize(
    ("name", "options", "closed_form"),
    [
        ("constant", {}, np.ones_like),
        (
            "warmup_cosine",
            {"warmup_steps": 9, "decay_steps": 30, "alpha": 0.1},
            lambda n: np.where(n < 9, n / 9, 0.1 + 0.9 * (1 + np.cos(np.pi * np.minimum((n - 9) / 21, 1))) / 2),
        ),
        ("step", {"transition_steps": 9, "decay_rate": 0.5}, lambda n: 0.5 ** (n // 9)),
        ("exponential", {"transition_steps": 9, "decay_rate": 0.5}, lambda n: 0.5 ** (n / 9)),
    ],
)
def test_closed_form(name, options, closed_form):
    factor = schedules.get(name)(**options)
    compiled = jax.jit(lambda step: jnp.asarray(factor(step), jnp.float32))
    found = np.array([compiled(jnp.int32(step)) for step in STEPS])
    # float32 roundings of a power or a cosine.
    np.testing.assert_allclose(found, closed_form(STEPS.astype(float)), rtol=1e-5, atol=1e-6)


def test_each_update_has_the_rate_of_its_step_whatever_the_dispatch():
    """Plain gradient descent moves by rate × gradient: under a schedule that is off at first, then on, by all of it."""
    frozen_at_first = lambda step: jnp.where(step < 2, 0.0, 0.5)  # noqa: E731 (a schedule is a function)
    p = make(rnnx.rnn(3), optimizer="sgd", schedule=frozen_at_first)
    begun = p.init(0)
    before = jax.tree.map(jnp.copy, begun.params)
    state, _ = p.train(begun, given(clip_norm=np.inf))
    assert int(state.step) == 2
    assert same(state.params, before)
    halved, _ = p.train(state, given(clip_norm=np.inf))
    plain = make(rnnx.rnn(3), optimizer="sgd")
    expected, _ = plain.train(p.init(0)._replace(step=jnp.int32(2)), given(learning_rate=0.005, clip_norm=np.inf))
    assert same(halved.params, expected.params)  # 0.01 × 0.5 is 0.005 in float32 too, since 0.5 is a power of two


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("warmup_cosine", {"warmup_steps": 10, "decay_steps": 10}, r"decay_steps must be above warmup_steps \(10\)"),
        ("warmup_cosine", {"decay_steps": 10, "alpha": 2.0}, "alpha must be a share of the learning rate, from 0 to 1"),
        ("step", {}, "transition_steps must be a whole number of at least 1, not 0"),
        ("exponential", {"transition_steps": 5, "decay_rate": 0.0}, "decay_rate must be a finite number above 0"),
    ],
)
def test_what_is_no_schedule_is_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        schedules.get(name)(**options)
