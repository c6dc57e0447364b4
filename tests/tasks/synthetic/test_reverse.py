"""Reversing: what is to be said is what was read, the last first."""

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.tasks.synthetic.reverse import reverse
from rnnx.training.program import mean_loss, mean_scores

TASK = reverse()


def test_the_target_is_the_source_backwards_and_the_decoder_is_given_the_step_before():
    batch = TASK.sample(jax.random.key(0), 50, 7)
    assert set(batch.lengths.tolist()) == set(range(1, 8))
    for b, n in enumerate(batch.lengths.tolist()):
        source, given = (np.asarray(batch.inputs[k][:n, b]) for k in (0, 1))
        target = np.asarray(batch.targets[:n, b])
        np.testing.assert_array_equal(target, source[::-1])
        np.testing.assert_array_equal(given, [8, *target[:-1]])
        assert batch.weights[:, b].tolist() == [1] * n + [0] * (7 - n)


def test_the_baseline_is_that_of_one_who_knows_nothing():
    batch = TASK.sample(jax.random.key(0), 50, 7)
    np.testing.assert_allclose(mean_loss(TASK, jnp.zeros((7, 50, 8)), batch), TASK.baseline_loss(7), rtol=1e-6)


def test_one_wrong_symbol_spoils_an_example():
    batch = TASK.sample(jax.random.key(0), 4, 7)
    right = jax.nn.one_hot(batch.targets, 8)
    wrong = right.at[0, 1].multiply(-1)
    assert mean_scores(TASK, right, batch) == {"accuracy": 1, "exact": 1}
    scores = mean_scores(TASK, wrong, batch)
    assert scores["exact"] == 0.75
    np.testing.assert_allclose(scores["accuracy"], 1 - 1 / int(batch.lengths.sum()), rtol=1e-6)
