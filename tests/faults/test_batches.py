"""R3: a batch is a function of seed and step alone, so there is no position in the data that could be lost."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import rnnx
from rnnx.training.program import Hyperparameters, program
from tests.faults import trials

POINTS = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 10**6))
"""Seed and step."""


@functools.cache
def trained():
    adding = rnnx.tasks.get("adding")()
    sizes = {"length": 4, "batch_size": 2, "measure_batch_size": 2}
    model = functools.partial(rnnx.models.get("sequence"), rnnx.rnn(3), adding)
    return program(model, adding, steps_per_dispatch=3, diagnostics=(), optimizer="sgd", **sizes)


def losses(seed, step):
    """Of three steps from `step` on with a learning rate of 0, so that only the batches tell them apart."""
    state = trained().init(0)._replace(step=jnp.int32(step))
    return trained().train(state, Hyperparameters(seed, 0.0))[1].loss.tolist()


@given(visits=st.lists(POINTS, min_size=2, max_size=6))
def test_a_step_has_the_same_batch_whatever_was_done_before(survived, visits):
    first = [losses(*visit) for visit in visits]
    assert [losses(*visit) for visit in reversed(visits)] == first[::-1]
    survived("R3", "orders of steps")


@given(point=POINTS)
def test_a_step_has_the_same_batch_wherever_a_dispatch_begins(survived, point):
    seed, step = point
    assert losses(seed, step)[1:] == losses(seed, step + 1)[:2]
    survived("R3", "steps at which a dispatch begins")


@given(one=POINTS, other=POINTS)
def test_another_seed_or_step_has_another_batch(one, other):
    assume(one != other)
    assert losses(*one)[0] != losses(*other)[0]


@pytest.mark.parametrize("name", rnnx.tasks.names())
def test_every_task_samples_by_its_key_alone(survived, name):
    trials.need_data(name)
    task = rnnx.tasks.get(name)()
    length = max(40, task.min_length)
    sample = jax.jit(lambda seed, step: task.sample(jax.random.fold_in(jax.random.key(seed), step), 2, length))

    @given(visits=st.lists(POINTS, min_size=2, max_size=6))
    def the_order_does_not_matter(visits):
        first = [sample(*visit) for visit in visits]
        again = [sample(*visit) for visit in reversed(visits)][::-1]
        jax.tree.map(np.testing.assert_array_equal, first, again)
        survived("R3", f"orders of batches of {name}")

    the_order_does_not_matter()
