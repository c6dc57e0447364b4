import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.tasks.synthetic.temporal_order import temporal_order
from rnnx.training.program import mean_loss, mean_scores
from tests.helpers import compiled


def symbols(length, examples=400):
    batch = compiled.sample(temporal_order().sample, jax.random.key(0), examples, length)
    batch = jax.tree.map(np.asarray, batch)
    return batch.inputs.argmax(axis=-1), batch


@pytest.mark.parametrize(
    ("length", "first", "second"),
    [(100, range(10, 21), range(40, 51)), (10, range(1, 3), range(4, 6)), (3, range(1), range(1, 2))],
)
def test_the_two_symbols_stand_in_their_stretches(length, first, second):
    """A and B are 0 and 1; every place of both stretches is found among the examples, and no other."""
    told, _ = symbols(length)
    places = [np.flatnonzero(told[:, b] < 2) for b in range(told.shape[1])]
    assert {len(found) for found in places} == {2}
    assert {found[0] for found in places} == set(first)
    assert {found[1] for found in places} == set(second)


def test_the_class_is_the_order_at_the_last_step():
    told, batch = symbols(12)
    for b in range(told.shape[1]):
        first, second = told[told[:, b] < 2, b]
        assert batch.targets[-1, b] == 2 * first + second
    np.testing.assert_array_equal(batch.targets[:-1], 0)
    np.testing.assert_array_equal(batch.weights[:-1], 0)
    np.testing.assert_array_equal(batch.weights[-1], 1)
    assert set(np.unique(batch.targets[-1])) == {0, 1, 2, 3}


def test_three_symbols_stand_in_three_stretches_and_make_eight_classes():
    task = temporal_order(symbols=3)
    batch = jax.tree.map(np.asarray, compiled.sample(task.sample, jax.random.key(0), 2000, 100))
    told = batch.inputs.argmax(axis=-1)
    places = np.argwhere(told.T < 2)[:, 1].reshape(2000, 3)
    assert [set(of) for of in places.T] == [set(range(10, 21)), set(range(33, 44)), set(range(66, 77))]
    values = np.take_along_axis(told, places.T, axis=0)
    np.testing.assert_array_equal(batch.targets[-1], 4 * values[0] + 2 * values[1] + values[2])
    assert set(batch.targets[-1]) == set(range(8))
    assert task.baseline_loss(100) == np.log(8)


@pytest.mark.parametrize(("symbols", "length"), [(2, 3), (3, 7), (3, 8), (3, 9)])
def test_no_stretch_begins_where_one_before_has_not_ended(symbols, length):
    batch = temporal_order(symbols=symbols).sample(jax.random.key(1), 400, length)
    np.testing.assert_array_equal(batch.inputs[..., :2].sum(axis=(0, 2)), symbols)


@pytest.mark.parametrize(("symbols", "message"), [(4, "symbols must be 2 or 3, not 4"), (3, "at least 7, not 6")])
def test_what_has_no_stretches_is_refused(symbols, message):
    with pytest.raises(ValueError, match=message):
        temporal_order(symbols=symbols).sample(jax.random.key(0), 1, 6)


def test_distractors_are_all_four_and_inputs_one_hot():
    told, batch = symbols(50)
    np.testing.assert_array_equal(batch.inputs.sum(axis=-1), 1)
    share = np.bincount(told[told >= 2] - 2, minlength=4) / (told >= 2).sum()
    # 400 · 48 draws: each share is 1/4 with a standard error of 0.003; four of them.
    np.testing.assert_allclose(share, 0.25, atol=0.0125)


def test_equal_probabilities_reach_the_floor():
    task = temporal_order()
    batch = task.sample(jax.random.key(0), 7, 9)
    # float32 rounds at 6e-8
    np.testing.assert_allclose(mean_loss(task, jnp.zeros((9, 7, 4)), batch), task.baseline_loss(9), rtol=1e-6)


def test_accuracy_is_the_share_of_right_classes():
    task = temporal_order()
    batch = task.sample(jax.random.key(0), 4, 5)
    right = jax.nn.one_hot(batch.targets, 4)
    assert mean_scores(task, right.at[-1, 0].multiply(-1), batch)["accuracy"] == 0.75


def test_a_sequence_without_two_places_is_refused():
    with pytest.raises(ValueError, match=r"^length of the temporal order problem must be .* at least 3, not 2\.$"):
        temporal_order().sample(jax.random.key(0), 1, 2)
