"""Japanese vowels: what stands in a batch is what was said, and each utterance is in one part."""

import jax
import numpy as np
import pytest

from rnnx.tasks.speech import japanese_vowels as module
from tests.helpers import at_hand


@pytest.fixture
def task():
    return at_hand.task("japanese_vowels") or pytest.skip("japanese_vowels is not on this machine")


def test_a_test_batch_has_every_utterance_and_its_speaker_at_its_end(task):
    said = module._read().test
    (batch,) = task.test_batches(1000)
    batch = jax.tree.map(np.asarray, batch)
    assert batch.weights.shape == (29, 370)
    for b, one in enumerate(said):
        T = len(one.coefficients)
        np.testing.assert_allclose(batch.inputs[:T, b], one.coefficients, rtol=1e-6)  # float32
        assert not batch.inputs[T:, b].any()
        assert np.flatnonzero(batch.weights[:, b]).tolist() == [T - 1]
        assert batch.targets[T - 1, b] == one.speaker


def test_every_fifth_utterance_is_held_out(task):
    def firsts(sample):
        return {round(float(x), 4) for x in np.asarray(sample(jax.random.key(0), 4000, 29).inputs)[0, :, 0]}

    train, heldout = firsts(task.sample), firsts(task.sample_heldout)
    values = [round(float(one.coefficients[0, 0]), 4) for one in module._read().train]
    assert heldout == set(values[4::5])
    assert train == {value for n, value in enumerate(values) if n % 5 != 4}
    speakers = [one.speaker for one in module._read().train[4::5]]
    assert np.bincount(speakers).tolist() == [6] * 9


def test_shorter_ones_alone_are_drawn_where_there_is_no_room(task):
    batch = task.sample(jax.random.key(0), 100, 12)
    assert batch.inputs.shape == (12, 100, 12)
    assert batch.lengths.max() == 12
