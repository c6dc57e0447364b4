"""Polyphonic music: the next frame, whole pieces once, and the published floors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.data._piano_rolls import read_piano_rolls
from rnnx.tasks.music import polyphony as module
from rnnx.tasks.music.polyphony import polyphony
from rnnx.training.program import mean_loss, mean_scores
from rnnx.types import Batch
from tests.data.test_piano_rolls import mat, rolls

RNG = np.random.default_rng(0)


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "mine.mat"
    path.write_bytes(mat(traindata=rolls(9, 5, 30), validdata=rolls(6, 4), testdata=rolls(7, 12, 3)))
    return str(path)


def test_the_target_is_the_next_frame_of_the_piece(own):
    pieces = read_piano_rolls(own).train
    batch = jax.tree.map(np.asarray, polyphony(path=own).sample(jax.random.key(0), 400, 10))
    found = set()
    for b, length in enumerate(batch.lengths):
        frames = np.concatenate([batch.inputs[:1, b].astype(bool), batch.targets[:length, b]])
        np.testing.assert_array_equal(batch.inputs[1:length, b], batch.targets[: length - 1, b])
        assert batch.weights[:, b].tolist() == [1] * length + [0] * (10 - length)
        at = [
            (n, start)
            for n, piece in enumerate(pieces)
            for start in range(len(piece) - length)
            if np.array_equal(piece[start : start + length + 1], frames)
        ]
        assert len(at) == 1
        assert length == min(len(pieces[at[0][0]]) - 1, 10), "as much of the piece as there is room for"
        found.add(at[0])
    assert found == {(0, 0), (1, 0), *((2, start) for start in range(20))}, "a long piece begins anywhere"


def test_every_piece_to_test_on_is_whole(own):
    (batch,) = polyphony(path=own).test_batches(5)
    assert batch.lengths.tolist() == [6, 11, 2]
    assert batch.weights.sum() == 19


def test_the_loss_is_summed_over_keys_and_the_mean_of_all_frames(own):
    task = polyphony(path=own)
    batch = task.sample(jax.random.key(0), 8, 12)
    outputs = jnp.asarray(RNG.normal(size=batch.targets.shape), jnp.float32)
    z, y, w = (np.asarray(of, float) for of in (outputs, batch.targets, batch.weights))
    nll = -(y * np.log(1 / (1 + np.exp(-z))) + (1 - y) * np.log(1 / (1 + np.exp(z)))).sum(axis=-1)
    np.testing.assert_allclose(mean_loss(task, outputs, batch), (w * nll).sum() / w.sum(), rtol=1e-5)  # float32
    certain = jnp.where(batch.targets, 1e4, -1e4)
    assert mean_loss(task, certain, batch) == 0
    assert mean_scores(task, certain, batch)["frame_accuracy"] == 1


def test_frame_accuracy_is_hits_over_all_that_sounds_or_is_said(own):
    targets = jnp.zeros((2, 1, 88), bool).at[0, 0, :3].set(True)
    outputs = jnp.full((2, 1, 88), -1.0).at[0, 0, 2:4].set(1.0).at[1, 0, 7].set(1.0)  # a hit, two misses, two alarms
    batch = Batch(None, targets, jnp.ones((2, 1)))
    np.testing.assert_allclose(mean_scores(polyphony(path=own), outputs, batch)["frame_accuracy"], 1 / 5, rtol=1e-6)


def test_an_example_is_the_music_as_it_is_read(own):
    task = polyphony(path=own)
    (batch,) = task.test_batches(5)
    example = task.example(batch)
    piece = read_piano_rolls(own).test[0]
    assert example.data["sounding"] == [np.flatnonzero(frame).tolist() for frame in piece[:-1]]
    assert example.scored == len(piece) - 2
    assert (task.keyboard.lowest, task.keyboard.keys, task.keyboard.quarters) == (21, 88, 1)


@pytest.mark.parametrize(("music", "quarters"), [("jsb", 1), ("nottingham", 0.5)])
def test_a_frame_lasts_a_quarter_note_of_chorales_and_an_eighth_of_folk_tunes(own, monkeypatch, music, quarters):
    monkeypatch.setattr(module, "_rolls", lambda name: read_piano_rolls(own))
    assert polyphony(music=music).keyboard.quarters == quarters


def test_an_unknown_music_is_told():
    with pytest.raises(ValueError, match="no music named 'jbs'; did you mean 'jsb'"):
        polyphony(music="jbs")
