import jax
import jax.numpy as jnp
import numpy as np

from rnnx.tasks.synthetic.parity import parity
from rnnx.training.program import mean_loss
from tests.helpers import compiled


def test_the_target_is_whether_the_number_of_ones_is_odd():
    batch = jax.tree.map(np.asarray, compiled.sample(parity().sample, jax.random.key(0), 500, 6))
    assert set(np.unique(batch.inputs)) == {0, 1}
    np.testing.assert_array_equal(batch.targets[-1], batch.inputs[..., 0].sum(axis=0) % 2)
    np.testing.assert_array_equal(batch.targets[:-1], 0)
    # Whatever the last bit is, half of the sums are odd: of some 250 each, four standard errors of 0.032.
    for bit in (0, 1):
        np.testing.assert_allclose(batch.targets[-1, batch.inputs[-1, :, 0] == bit].mean(), 0.5, atol=0.13)


def test_equal_chances_reach_the_floor():
    task = parity()
    batch = task.sample(jax.random.key(0), 3, 4)
    np.testing.assert_allclose(mean_loss(task, jnp.zeros((4, 3, 2)), batch), task.baseline_loss(4), rtol=1e-6)
