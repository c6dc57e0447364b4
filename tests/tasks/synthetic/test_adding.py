import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.tasks.synthetic.adding import adding
from rnnx.training.program import mean_loss, mean_scores


@pytest.mark.parametrize("length", [2, 11])
def test_there_is_one_marker_in_each_half(length):
    markers = adding().sample(jax.random.key(0), 500, length).inputs[..., 1]
    assert set(np.unique(markers)) <= {0, 1}
    half = length // 2
    np.testing.assert_array_equal(markers[:half].sum(axis=0), 1)
    np.testing.assert_array_equal(markers[half:].sum(axis=0), 1)
    assert jnp.all(markers.sum(axis=1) > 0), "every place is marked in some of 500 examples"


def test_the_target_is_the_sum_of_the_marked_numbers_at_the_last_step():
    batch = adding().sample(jax.random.key(0), 20, 10)
    numbers, markers = np.asarray(batch.inputs[..., 0]), np.asarray(batch.inputs[..., 1])
    for b in range(20):
        first, second = np.flatnonzero(markers[:, b])
        np.testing.assert_allclose(
            batch.targets[-1, b, 0], numbers[first, b] + numbers[second, b], rtol=1e-6
        )  # float32
    assert jnp.all(batch.targets[:-1] == 0)
    np.testing.assert_array_equal(batch.weights, [[0] * 20] * 9 + [[1] * 20])


def test_numbers_are_uniform():
    numbers = np.asarray(adding().sample(jax.random.key(0), 1000, 10).inputs[..., 0])
    assert numbers.min() >= 0
    assert numbers.max() < 1
    # Mean ½ with standard error √(1/12 / 10⁴) = 0.003: four of them.
    np.testing.assert_allclose(numbers.mean(), 0.5, atol=0.012)


def test_predicting_one_reaches_the_floor():
    """E(u₁ + u₂ - 1)² = 1/6."""
    task, n = adding(), 40_000
    batch = task.sample(jax.random.key(0), n, 4)
    measured = mean_loss(task, jnp.ones_like(batch.targets), batch)
    # X = u₁ + u₂ - 1 has E X⁴ = 1/15, so that X² has variance 1/15 - 1/36 = 7/180: four standard errors.
    np.testing.assert_allclose(measured, task.baseline_loss(4), rtol=0, atol=4 * np.sqrt(7 / 180 / n))
    np.testing.assert_allclose(task.baseline_loss(4), 1 / 6)


def test_within_a_tenth_is_a_share_of_the_batch():
    task = adding()
    batch = task.sample(jax.random.key(0), 4, 5)
    off_by = jnp.array([0.0, 0.05, -0.2, 5.0])[:, None]
    assert mean_scores(task, batch.targets + off_by, batch)["within_0.1"] == 0.5


@pytest.mark.parametrize("length", [0, 1])
def test_a_sequence_without_two_halves_is_refused(length):
    with pytest.raises(ValueError, match=rf"^length of the adding problem must be .* at least 2, not {length}\.$"):
        adding().sample(jax.random.key(0), 3, length)
