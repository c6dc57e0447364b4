"""What a model says itself in place of true targets: by which coins, and that it is what it would say."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.training.objective import Objective, gradient
from rnnx.training.program import applying, mean_loss, program, split
from rnnx.training.scheduled_sampling import with_own_targets
from rnnx.types import Batch, Pair
from tests.helpers import compiled

pytestmark = pytest.mark.xdist_group("scheduled sampling")  # one model, compiled once

T, B = 6, 16
TASK = rnnx.tasks.get("reverse")()
MODEL = functools.partial(rnnx.models.get("encoder_decoder"), rnnx.gru(4), TASK, attention="dot")
BATCH = compiled.sample(TASK.sample, jax.random.key(1), B, T)
KEY = jax.random.key(2)
APPLY = applying(MODEL)
# Far from where they begin, so that what is said is not always the same.
PARAMS = jax.tree.map(lambda leaf: 3 * leaf, compiled.params(MODEL))


@functools.cache
def _given(passes):
    def given(params, key, probability):
        outputs = functools.partial(APPLY, params, run=rnnx.plain_run)
        return with_own_targets(outputs, BATCH, key, probability, passes).inputs.target

    return jax.jit(given)


def given(probability, passes=1, key=KEY):
    """What the model is given at each step."""
    return np.asarray(_given(passes)(PARAMS, key, probability))


@functools.cache
def written():
    """What the model writes step by step, each time the likeliest, [T, B]."""
    graphdef = jax.eval_shape(lambda: split(MODEL, jax.random.key(0)))[0]

    @jax.jit
    def write(params):
        decoder = nnx.merge(graphdef, params).decoder(BATCH)

        def step(state, _):
            token = jnp.argmax(decoder.logits(state), axis=-1).astype(jnp.int32)
            return decoder.step(state, token), token

        return jax.lax.scan(step, decoder.state, length=T)[1]

    return np.asarray(write(PARAMS))


@functools.cache
def compiled_gradient(**modes):
    def loss(params, batch, run):
        return mean_loss(TASK, APPLY(params, batch, run), batch)

    return jax.jit(gradient(loss, Objective(**modes), outputs=APPLY))


def test_with_all_coins_and_passes_it_is_given_what_it_writes_step_by_step():
    there = np.arange(T)[:, None] < np.asarray(BATCH.lengths)
    own = given(1.0, passes=T)
    np.testing.assert_array_equal(own[0], BATCH.inputs.target[0])
    np.testing.assert_array_equal(np.where(there[1:], own[1:], 0), np.where(there[1:], written()[:-1], 0))
    assert len(np.unique(written())) > 2, "else nothing is tested"


def test_after_k_passes_the_first_k_steps_are_what_it_writes():
    there = np.arange(T)[:, None] < np.asarray(BATCH.lengths)
    for passes in (1, 2):
        own = given(1.0, passes)[1 : passes + 1]
        np.testing.assert_array_equal(
            np.where(there[1 : passes + 1], own, 0), np.where(there[1:], written()[:-1], 0)[:passes]
        )
    assert (given(1.0, 1) != given(1.0, T)).any()


def test_with_one_pass_it_is_what_it_says_after_true_targets():
    said = np.argmax(jax.jit(lambda params: APPLY(params, BATCH, rnnx.plain_run))(PARAMS), axis=-1)
    np.testing.assert_array_equal(given(1.0)[1:], said[:-1])
    np.testing.assert_array_equal(given(0.0), BATCH.inputs.target)


def test_coins_are_thrown_for_each_step_and_example():
    """The share of steps at which it is its own, where that differs from the truth, within five standard deviations."""
    own, true = given(1.0), np.asarray(BATCH.inputs.target)
    differs = own != true
    thrown = np.array([(given(0.3, key=jax.random.key(n)) == own)[differs] for n in range(40)])
    count = thrown.size
    assert abs(thrown.mean() - 0.3) < 5 * (0.3 * 0.7 / count) ** 0.5
    assert thrown.std(axis=0).min() > 0


@pytest.mark.parametrize("modes", [{}, {"scheduled_sampling": 0.0, "scheduled_sampling_steps": 9}])
def test_without_it_nothing_is_other_than_it_was(modes):
    """Instruction for instruction."""
    arguments = (PARAMS, BATCH, KEY, 0, None)
    plain, with_modes = (compiled_gradient(**given).lower(*arguments).as_text() for given in ({}, modes))
    assert with_modes == plain


def test_the_probability_rises_in_equal_parts_to_what_was_asked_for():
    """At step 0 it is teacher forcing; half-way, half of it; from the last step of the rise on, that without a rise."""
    rising = compiled_gradient(scheduled_sampling=0.8, scheduled_sampling_steps=10)
    for step, probability in ((0, 0.0), (5, 0.4), (10, 0.8), (25, 0.8)):
        coins = jax.random.fold_in(KEY, 2**32 - 5)
        mixed = BATCH._replace(inputs=BATCH.inputs._replace(target=given(probability, key=coins)))
        value = rising(PARAMS, BATCH, KEY, step, None)[0]
        # The same sums, compiled differently.
        np.testing.assert_allclose(value, compiled_gradient()(PARAMS, mixed, KEY, 0, None)[0], rtol=1e-6)


def test_the_gradient_is_that_of_the_loss_of_what_it_was_given():
    coins = jax.random.fold_in(KEY, 2**32 - 5)
    mixed = BATCH._replace(inputs=BATCH.inputs._replace(target=given(0.8, key=coins)))
    found = compiled_gradient(scheduled_sampling=0.8, scheduled_sampling_steps=10)(PARAMS, BATCH, KEY, 10, None)
    expected = compiled_gradient()(PARAMS, mixed, KEY, 0, None)
    # The same sums of float32, compiled differently.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, expected)


def test_measured_it_is_with_true_targets():
    """The program's own measurement and score, instruction for instruction."""
    options = {"length": T, "batch_size": 4, "steps_per_dispatch": 1, "measure_batch_size": B, "diagnostics": ()}

    def measuring(**modes):
        made = program(MODEL, TASK, **options, objective=Objective(**modes))
        state = jax.eval_shape(made.init, 0)
        return made.measure.lower(state, 0).as_text(), made.score.lower(state.params, BATCH, None).as_text()

    assert measuring(scheduled_sampling=1.0) == measuring()


def test_it_is_for_sequence_to_sequence():
    batch = Batch(jnp.zeros((2, 1)), jnp.zeros((2, 1)), jnp.ones((2, 1)))
    with pytest.raises(ValueError, match=r"^scheduled_sampling is for sequence to sequence, .*: set it to 0\.$"):
        with_own_targets(lambda batch: batch.targets, batch, KEY, 0.5)
    assert isinstance(BATCH.inputs, Pair)
