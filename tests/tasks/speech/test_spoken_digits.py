"""Spoken digits: who is in which part, what stands in a batch, and words of one's own."""

import jax
import numpy as np
import pytest

import rnnx
from rnnx import data
from rnnx.tasks.speech import _recorded as module
from rnnx.tasks.speech._features import frames, log_mel
from rnnx.tasks.speech.spoken_digits import spoken_digits
from tests.data.test_recordings import wav
from tests.helpers import at_hand

pytestmark = pytest.mark.xdist_group("spoken_digits")  # which so are read once


@pytest.fixture
def task():
    made = at_hand.task("spoken_digits")
    return made or pytest.skip("fsdd is not on this machine")


@pytest.mark.parametrize(
    ("split", "parts"),
    [
        ("official", {"3_theo_0": "test", "3_theo_4": "test", "3_theo_5": "heldout", "0_lucas_10": "train"}),
        ("theo", {"3_theo_0": "test", "3_theo_49": "test", "3_lucas_4": "heldout", "3_lucas_5": "train"}),
    ],
)
def test_who_is_in_which_part(split, parts):
    assert {name: module._part(f"{name}.wav", split) for name in parts} == parts


def test_the_official_split_has_all_recordings_once(task):
    assert sum(batch.weights.shape[1] for batch in task.test_batches(77)) == 300
    table = module._table(module._fsdd(), "official")
    assert [len(part) for part in (table.train, table.heldout, table.test)] == [2400, 300, 300]
    assert len(np.unique(np.concatenate([table.train, table.heldout, table.test]))) == 3000


def test_a_batch_has_the_spectrogram_of_each_recording_and_its_digit(task):
    table = module._table(module._fsdd(), "official")
    (batch,) = task.test_batches(300)
    batch = jax.tree.map(np.asarray, batch)
    for b in (0, 123, 299):
        recording = table.recordings.recordings[table.test[b]]
        T = frames(len(recording.samples))
        assert batch.lengths[b] == T
        own = (np.asarray(log_mel(recording.samples.astype(np.float32) / 2**15)) - table.mean) / table.deviation
        # Two programs, which sum in another order; near silence a rounding is large beside the floor.
        np.testing.assert_allclose(batch.inputs[:T, b], own, atol=2e-3)
        np.testing.assert_array_equal(batch.inputs[T:, b], 0)
        assert batch.targets[T - 1, b] == int(recording.label)
        assert np.flatnonzero(batch.weights[:, b]).tolist() == [T - 1]


def test_what_is_trained_on_is_standardised(task):
    table = module._table(module._fsdd(), "official")
    every = np.concatenate([module._spectrogram(table.recordings.recordings[n].samples) for n in table.train])
    np.testing.assert_allclose(every.mean(axis=0), table.mean, rtol=1e-5)
    # In pieces of 64 frames it is what it is in one.
    longest = max(table.recordings.recordings, key=lambda one: len(one.samples)).samples
    whole = np.asarray(log_mel(longest.astype(np.float32) / 2**15))
    np.testing.assert_allclose(module._spectrogram(longest), whole, atol=2e-3)


def test_no_recording_longer_than_asked_for_is_drawn(task):
    batch = jax.jit(task.sample, static_argnums=(1, 2))(jax.random.key(0), 200, 30)
    assert batch.inputs.shape == (30, 200, 40)
    assert batch.lengths.max() == 30


def own(folder, names, size=400):
    for n, name in enumerate(names):
        (folder / f"{name}.wav").write_bytes(wav(np.arange(size + 80 * (n % 3)) % (7 + n)))
    return str(folder)


def test_words_of_ones_own(tmp_path):
    path = own(tmp_path, [f"{word}_{n}" for word in ("yes", "no") for n in range(30)])
    task = spoken_digits(path=path)
    assert task.data["classes"] == "no yes"
    assert task.output_size == 2
    assert task.baseline_loss(5) == np.log(2)
    batch = task.sample(jax.random.key(0), 50, 5)
    assert set(batch.lengths.tolist()) == {3, 4, 5}
    assert sum(one.weights.shape[1] for one in task.test_batches(4)) == 8


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda folder: spoken_digits(split="theo", path=str(folder)), ValueError, "split must be left out for"),
        (lambda folder: spoken_digits(path=own(folder, ["a_1", "b_2"])), ValueError, "has too few recordings: of 2"),
        (lambda folder: spoken_digits(path=own(folder, ["a_1"], 199)), ValueError, "a_1.wav is too short: it has 199"),
        (lambda folder: spoken_digits(path=str(folder / "x")), data.DataError, "is no folder"),
    ],
)
def test_what_can_not_be_used_is_told(tmp_path, make, error, message):
    with pytest.raises(error, match=message):
        make(tmp_path)


def test_an_unknown_speaker_is_told(task):
    for split in ("paul", ""):
        with pytest.raises(ValueError, match=rf"^split must be official or a speaker, george, .*, not '{split}'\.$"):
            rnnx.tasks.get("spoken_digits")(split=split)
