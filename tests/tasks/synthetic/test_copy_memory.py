import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.tasks.synthetic.copy_memory import copy_memory
from rnnx.training.program import mean_loss, mean_scores


@pytest.mark.parametrize("length", [21, 60])
def test_what_is_shown_and_what_is_asked(length):
    """Ten symbols, blanks (8), a delimiter (9) where ten answers still fit behind it, blanks; and the symbols again."""
    batch = copy_memory().sample(jax.random.key(0), 50, length)
    shown, asked = np.asarray(batch.inputs.argmax(axis=-1)), np.asarray(batch.targets)
    np.testing.assert_array_equal(batch.inputs.sum(axis=-1), 1)
    assert set(np.unique(shown[:10])) == set(range(8))
    rest = np.full((length - 10, 50), 8)
    np.testing.assert_array_equal(asked[:-10], rest)
    np.testing.assert_array_equal(asked[-10:], shown[:10])
    rest[-11] = 9
    np.testing.assert_array_equal(shown[10:], rest)
    np.testing.assert_array_equal(batch.weights, 1)


def test_knowing_when_but_not_what_reaches_the_floor():
    """Certain of blanks, and of nothing among eight symbols afterwards."""
    task, length = copy_memory(), 40
    batch = task.sample(jax.random.key(0), 6, length)
    blank = jnp.zeros((length, 6, 9)).at[..., 8].set(1e4)
    any_symbol = jnp.zeros((10, 6, 9)).at[..., 8].set(-1e4)
    loss = mean_loss(task, blank.at[-10:].set(any_symbol), batch)
    np.testing.assert_allclose(loss, task.baseline_loss(length), rtol=1e-6)  # float32 rounds at 6e-8
    # Table 1 of Bai, Kolter & Koltun 2018: 0.0204 nats for T = 1000, of 1020 steps.
    np.testing.assert_allclose(task.baseline_loss(1020), 0.0204, atol=5e-5)


def test_recalled_is_of_the_last_ten_steps():
    task = copy_memory()
    batch = task.sample(jax.random.key(0), 2, 30)
    right = jax.nn.one_hot(batch.targets, 9)
    wrong_blanks = right.at[:20].multiply(-1)
    assert mean_scores(task, wrong_blanks, batch)["recalled"] == 1
    assert mean_scores(task, right.at[-5:, 0].multiply(-1), batch)["recalled"] == 0.75


def test_a_sequence_too_short_for_ten_symbols_is_refused():
    with pytest.raises(ValueError, match=r"^length of the copy memory problem must be .* at least 21, not 20\.$"):
        copy_memory().sample(jax.random.key(0), 1, 20)
