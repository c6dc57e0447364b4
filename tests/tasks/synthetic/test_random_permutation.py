import jax
import jax.numpy as jnp
import numpy as np

from rnnx.tasks.synthetic.random_permutation import random_permutation
from rnnx.training.program import mean_loss
from tests.helpers import compiled


def test_the_first_symbol_is_one_of_two_and_is_asked_for_at_the_end():
    batch = jax.tree.map(np.asarray, compiled.sample(random_permutation().sample, jax.random.key(0), 500, 7))
    symbols = batch.inputs.argmax(axis=-1)
    assert set(symbols[0]) == {0, 1}
    assert set(symbols[1:].ravel()) == set(range(2, 100))
    np.testing.assert_array_equal(batch.targets[-1], symbols[0])
    np.testing.assert_array_equal(batch.weights, [[0] * 500] * 6 + [[1] * 500])


def test_to_know_that_it_is_one_of_two_reaches_the_floor():
    task = random_permutation()
    batch = task.sample(jax.random.key(0), 3, 4)
    outputs = jnp.full((4, 3, 100), -1e4).at[..., :2].set(0.0)
    np.testing.assert_allclose(mean_loss(task, outputs, batch), task.baseline_loss(4), rtol=1e-6)  # float32
