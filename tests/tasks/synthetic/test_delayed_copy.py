"""Delayed copy and n-back: what is asked for is what was read some steps before."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.tasks.synthetic.delayed_copy import delayed_copy
from rnnx.tasks.synthetic.n_back import n_back
from rnnx.training.program import mean_loss, mean_scores
from tests.helpers import compiled

T, B, K = 9, 40, 3


def drawn(task, examples=B, length=T):
    batch = jax.tree.map(np.asarray, compiled.sample(task.sample, jax.random.key(0), examples, length))
    return batch, batch.inputs.argmax(axis=-1)


@pytest.mark.parametrize("make", [lambda: delayed_copy(delay=K), lambda: n_back(n=K)], ids=["copy", "n_back"])
def test_it_is_scored_from_where_there_is_something_before(make):
    batch, symbols = drawn(make())
    np.testing.assert_array_equal(batch.weights, np.repeat([[0.0]] * K + [[1.0]] * (T - K), B, axis=1))
    assert set(symbols.ravel()) == set(range(8))
    np.testing.assert_array_equal(batch.inputs.sum(axis=-1), 1)


def test_the_target_is_the_symbol_of_some_steps_before():
    batch, symbols = drawn(delayed_copy(delay=K))
    for t in range(K, T):
        np.testing.assert_array_equal(batch.targets[t], symbols[t - K])


def test_the_target_is_whether_it_is_the_symbol_of_n_steps_before():
    batch, symbols = drawn(n_back(n=K))
    for t in range(K, T):
        np.testing.assert_array_equal(batch.targets[t], symbols[t] == symbols[t - K])


@pytest.mark.parametrize(("make", "chances"), [(delayed_copy, [1 / 8] * 8), (n_back, [7 / 8, 1 / 8])])
def test_to_know_the_chances_alone_reaches_the_floor(make, chances):
    task, examples, length = make(), 4000, 20
    batch, _ = drawn(task, examples, length)
    outputs = jnp.broadcast_to(jnp.log(jnp.array(chances)), (length, examples, len(chances)))
    # n-back: the loss of a step is ln 8 one time in eight, else ln 8/7: a standard deviation of 0.64 over the root of
    # 68,000 steps, of which four. Delayed copy: the same at every step, and float32 rounds at 6e-8.
    atol = 4 * 0.64 / np.sqrt(batch.weights.sum()) if make is n_back else 1e-6
    np.testing.assert_allclose(mean_loss(task, outputs, batch), task.baseline_loss(length), atol=atol)


def test_one_that_always_says_no_recalls_nothing():
    task = n_back()
    batch, _ = drawn(task, 400)
    scores = mean_scores(task, jnp.broadcast_to(jnp.array([1.0, 0.0]), (T, 400, 2)), batch)
    assert scores["recalled"] == 0
    # 2400 steps: a standard error of 0.0068, four of them.
    np.testing.assert_allclose(scores["accuracy"], 7 / 8, atol=0.027)


@pytest.mark.parametrize(("make", "name"), [(delayed_copy, "delay"), (n_back, "n")])
def test_what_is_not_before_the_first_step_is_refused(make, name):
    with pytest.raises(ValueError, match=rf"^{name} must be a whole number of at least 1, not 0\.$"):
        make(**{name: 0})
    with pytest.raises(ValueError, match=r"^length of the .* must be a whole number of at least 5, not 4\.$"):
        make(**{name: 4}).sample(jax.random.key(0), 1, 4)
