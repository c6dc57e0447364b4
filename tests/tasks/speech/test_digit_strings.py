"""Strings of digits: what they are made of, what fits, and what the loss and the error rate are."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.tasks.speech import digit_strings as module
from rnnx.training.alignment import of_first_example
from rnnx.training.program import mean_loss, mean_scores
from rnnx.types import Batch
from tests.helpers import at_hand, compiled

pytestmark = pytest.mark.xdist_group("spoken_digits")  # which so are read once


@pytest.fixture
def task():
    made = at_hand.task("digit_strings")
    return made or pytest.skip("fsdd is not on this machine")


def drawn(task, length, examples=64):
    return jax.tree.map(np.asarray, compiled.sample(task.sample, jax.random.key(1), examples, length))


@pytest.mark.parametrize("length", [200, 60])
def test_strings_have_digits_between_silences_as_many_as_fit(task, length):
    batch = drawn(task, length)
    counts = (batch.targets > 0).sum(axis=0)
    assert batch.targets.shape == (5, 64)
    assert set(np.unique(batch.targets)) <= set(range(11))
    for b, count in enumerate(counts):
        assert batch.targets[:count, b].all()
        assert not batch.targets[count:, b].any(), "0 after the last"
    assert counts.min() == 1
    assert batch.lengths.max() <= length
    # Where it is silent all mels are at the floor, the lowest there is: before the first digit, and at the end.
    lowest = np.array([batch.inputs[:frames, b].min(axis=0) for b, frames in enumerate(batch.lengths)]).min(axis=0)
    for b, frames in enumerate(batch.lengths):
        for silent in (slice(0, 3), slice(frames - 2, frames)):
            np.testing.assert_allclose(
                batch.inputs[silent, b], np.broadcast_to(lowest, (silent.stop - silent.start, 40))
            )
        np.testing.assert_array_equal(batch.inputs[frames:, b], 0)


def test_what_is_tested_is_the_same_whatever_the_size_of_a_batch(task, monkeypatch):
    monkeypatch.setattr(module, "_TEST_STRINGS", 7)
    small, (large,) = (list(task.test_batches(size)) for size in (3, 7))
    np.testing.assert_array_equal(np.concatenate([one.targets for one in small], axis=1), large.targets)
    inputs = np.concatenate([one.inputs for one in small], axis=1)
    np.testing.assert_allclose(inputs, large.inputs, atol=2e-3)  # near silence a rounding is large beside the floor


def test_labels_that_do_not_fit_are_left_out_of_loss_and_gradient(task):
    """Three frames hold 1 2 1, and 1 1 with its blank; not 1 1 2."""
    targets = jnp.array([[1, 1, 1], [2, 1, 1], [1, 0, 2]])
    lengths = jnp.array([3, 3, 3])
    fits = module._feasible(targets, lengths)
    assert fits.tolist() == [True, True, False]
    batch = Batch(None, targets, fits.astype(jnp.float32), lengths)
    outputs = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3, 11)), jnp.float32)
    loss, gradient = jax.value_and_grad(lambda outputs: mean_loss(task, outputs, batch))(outputs)
    assert 0 < loss < 20
    assert np.isfinite(gradient).all()
    assert not gradient[:, 2].any()
    without = jax.tree.map(lambda a: a[..., :2], batch)
    np.testing.assert_allclose(loss, mean_loss(task, outputs[:, :2], without), rtol=1e-6)  # float32


def test_the_loss_is_that_of_the_only_path(task):
    """As many labels as frames: one path, whose chance is a product."""
    targets, lengths = jnp.array([[3], [1], [4]]), jnp.array([3])
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(3, 1, 11)), jnp.float32)
    log_p = jax.nn.log_softmax(logits)[jnp.arange(3), 0, targets[:, 0]].sum()
    batch = Batch(None, targets, jnp.ones(1), lengths)
    np.testing.assert_allclose(mean_loss(task, logits, batch), -log_p / 3, rtol=1e-5)  # float32


def test_the_alignment_is_the_share_of_all_paths_to_the_labels(task):
    """Counted out over all paths of five frames, in float64; what is past the length has none."""
    targets, lengths = jnp.array([[2], [1], [2], [0], [0]]), jnp.array([5])
    logits = np.random.default_rng(0).normal(size=(6, 1, 11))
    log_p = logits[:5, 0] - np.log(np.exp(logits[:5, 0]).sum(axis=-1, keepdims=True))
    total, share = 0.0, np.zeros((6, 11))
    for path in itertools.product((0, 1, 2), repeat=5):  # no others lead there
        merged = [k for n, k in enumerate(path) if k and (n == 0 or path[n - 1] != k)]
        if merged == [2, 1, 2]:
            p = np.exp(sum(log_p[t, k] for t, k in enumerate(path)))
            total += p
            share[np.arange(5), path] += p
    batch = Batch(None, targets, jnp.ones(1), lengths)
    found = jax.jit(task.alignment)(jnp.asarray(logits, jnp.float32), batch)
    np.testing.assert_allclose(found.of_labels, share / total, atol=2e-6)  # float32, of shares up to 1
    np.testing.assert_allclose(found.chances[:5], np.exp(log_p), atol=1e-6)
    assert not found.chances[5:].any()
    assert found.label == 1, "which is there once"
    np.testing.assert_allclose(found.loss, -(share[:5, 1] / total * log_p[:, 1]).sum(), rtol=1e-5)


def test_the_gradient_of_a_label_is_by_the_frames_of_the_first_example_alone(task):
    """A model without memory hears a label in the frames where that has a share."""
    batch = jax.tree.map(jnp.asarray, drawn(task, 60, examples=2))
    weights = jnp.asarray(np.random.default_rng(1).normal(size=(40, 11)), jnp.float32)

    def apply(params, batch, run):
        return batch.inputs @ params

    told = jax.jit(lambda: of_first_example(apply, task.alignment, weights, batch))()
    gamma, p, label = told["alignment/of_labels"], told["alignment/chances"], told["alignment/label"]
    # d(-γ ln p_k)/dx = γ (Σ_j p_j w_j - w_k)
    expected = gamma[:, label] * jnp.linalg.norm(p @ weights.T - weights[:, label], axis=-1)
    np.testing.assert_allclose(told["alignment/input_gradient"], expected, rtol=1e-4, atol=1e-6)  # float32
    assert told["alignment/input_gradient"].shape == (60,)


def test_the_error_rate_is_edits_over_labels_of_all_strings(task):
    targets = jnp.array([[1, 5], [2, 0], [3, 0]])
    path = jnp.array([[1, 5], [2, 5], [0, 0], [0, 5]])  # of 1 2 3 the last is missing; of 5 one is too many
    batch = Batch(None, targets, jnp.ones(2), jnp.array([4, 4]))
    right = mean_scores(task, jax.nn.one_hot(path, 11), batch)["digits_right"]
    np.testing.assert_allclose(right, 1 - 2 / 4, rtol=1e-6)  # float32
