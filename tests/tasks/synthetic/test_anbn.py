import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.tasks.synthetic.anbn import anbn
from rnnx.training.program import mean_loss, mean_scores
from tests.helpers import compiled


def drawn(length, examples=400):
    return jax.tree.map(np.asarray, compiled.sample(anbn().sample, jax.random.key(0), examples, length))


@pytest.mark.parametrize("length", [4, 9, 12])
def test_as_many_b_as_a_and_then_the_end(length):
    batch = drawn(length)
    assert set(batch.lengths) == set(range(2, length + 1, 2))
    for b, n in enumerate(batch.lengths // 2):
        text = "".join("-ab"[int(a + 2 * c)] for a, c in batch.inputs[:, b])
        assert text == "a" * n + "b" * n + "-" * (length - 2 * n)
        assert batch.targets[n : 2 * n, b].tolist() == [1] * (n - 1) + [2]
        assert batch.weights[:, b].tolist() == [0] * n + [1] * n + [0] * (length - 2 * n)


def test_to_know_how_often_a_string_ends_reaches_the_floor():
    task, length = anbn(), 12
    batch = drawn(length, 8000)
    ends = 2 / 7  # of 1 … 6 b one is followed by the end
    outputs = jnp.broadcast_to(jnp.log(jnp.array([1e-30, 1 - ends, ends])), (length, 8000, 3))
    # The share of ends, 8000 of some 28,000, varies with the n that were drawn by 0.0016, and the loss by 0.9 times
    # that: four standard errors.
    np.testing.assert_allclose(mean_loss(task, outputs, batch), task.baseline_loss(length), atol=4 * 0.9 * 0.0016)


def test_a_string_is_right_if_all_of_it_is():
    task = anbn()
    batch = drawn(6, 4)
    outputs = jax.nn.one_hot(batch.targets, 3)
    last = int(batch.lengths[0]) - 1
    outputs = outputs.at[last, 0].set(jnp.array([0.0, 1.0, 0.0]))
    assert mean_scores(task, outputs, batch)["exact"] == 0.75
