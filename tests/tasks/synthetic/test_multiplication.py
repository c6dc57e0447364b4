"""Marked numbers: where they stand in each variant, what is told of them, and the loss of one that tells the mean."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.tasks.synthetic.adding import adding
from rnnx.tasks.synthetic.multiplication import multiplication
from rnnx.training.program import mean_loss
from tests.helpers import compiled


def places(markers, length, examples=2000):
    """The two marked steps of each example, `[examples, 2]`."""
    batch = compiled.sample(adding(markers=markers).sample, jax.random.key(0), examples, length)
    marked = np.asarray(batch.inputs[..., 1]).T
    assert set(marked.sum(axis=1)) == {2}, "two different steps"
    return np.argwhere(marked)[:, 1].reshape(examples, 2)


def test_anywhere_is_every_pair_alike():
    pairs, counts = np.unique(places("anywhere", 5), axis=0, return_counts=True)
    assert pairs.tolist() == [[i, j] for i in range(5) for j in range(i + 1, 5)]
    # 2000 / 10 of each pair, with a standard error of 13.4: four of them.
    np.testing.assert_allclose(counts, 200, atol=54)


@pytest.mark.parametrize(("length", "first", "last"), [(40, 10, 19), (16, 7, 7), (6, 2, 2)])
def test_of_hochreiter_one_is_among_the_first_ten_and_both_in_the_first_half(length, first, last):
    found = places("first_ten", length)
    assert found[:, 0].max() < first
    assert set(found.ravel()) == set(range(last))


def test_the_target_is_the_product_of_the_marked_numbers_at_the_last_step():
    batch = multiplication().sample(jax.random.key(0), 20, 10)
    numbers, markers = np.asarray(batch.inputs[..., 0], float), np.asarray(batch.inputs[..., 1])
    products = [numbers[markers[:, b] == 1, b].prod() for b in range(20)]
    np.testing.assert_allclose(batch.targets[-1, :, 0], products, rtol=1e-6)  # float32
    assert jnp.all(batch.targets[:-1] == 0)


def test_predicting_a_quarter_reaches_the_floor():
    """Var(u₁ u₂) = 1/9 - 1/16."""
    task, n = multiplication(), 40_000
    batch = compiled.sample(task.sample, jax.random.key(0), n, 4)
    squared = np.square(np.asarray(batch.targets[-1, :, 0], float) - 0.25)
    measured = mean_loss(task, jnp.full_like(batch.targets, 0.25), batch)
    np.testing.assert_allclose(measured, task.baseline_loss(4), atol=4 * squared.std() / np.sqrt(n))


def test_unknown_markers_are_refused():
    with pytest.raises(ValueError, match="no markers named 'half'; did you mean 'halves'"):
        multiplication(markers="half")
    with pytest.raises(ValueError, match=r"^length of the multiplication problem must be .* at least 6, not 5\.$"):
        multiplication(markers="first_ten").sample(jax.random.key(0), 1, 5)
