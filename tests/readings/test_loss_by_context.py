"""Loss by context."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.readings import loss_by_context as module
from rnnx.readings.loss_by_context import loss_by_context
from rnnx.types import Batch
from tests.models.test_ngram import reference
from tests.readings.readers import TEXT, T, V, reader


def read(of):
    values = loss_by_context(of)
    return [values[f"loss_by_context/{name}"] for name in ("tokens", "loss", "standard_error", "smallest_k")]


def test_an_n_gram_uses_no_more_than_its_order():
    tokens, loss, error, smallest = read(reader("ngram", order=3))
    assert tokens.tolist() == [1, 2, 4, 8, 12]
    p = reference(TEXT, V, 3, "kneser_ney")
    text = TEXT.tolist()
    # All of the text but what the longest context needs.
    by_target = np.array([[-np.log(p(text[n - k : n], text[n])) for n in range(T, len(text))] for k in (1, 2)])
    # Sums of three terms in float32, each rounded a few times by 6e-8.
    np.testing.assert_allclose(loss, by_target.mean(axis=1)[[0, 1, 1, 1, 1]], rtol=2e-6)
    np.testing.assert_array_equal(error[1:], 0)
    difference = by_target[0] - by_target[1]
    assert error[0] == pytest.approx(difference.std(ddof=1) / np.sqrt(len(difference)), rel=1e-4)
    assert smallest == (1 if difference.mean() < 0.05 else 2)


def test_from_the_smallest_k_on_all_losses_are_near_the_last(monkeypatch):
    of = reader("sequence", length=8)
    for means, expected in (
        ([3.0, 2.03, 2.3, 2.0], 8),
        ([3.0, 2.3, 2.03, 2.0], 4),
        ([1.9, 2.01, 1.99, 2.0], 2),
        ([2.0, 2.0, 2.0, 2.0], 1),
        ([2.0, 2.0, 2.0, np.nan], np.nan),
    ):
        rows = {k: np.full(60, mean) for k, mean in zip((1, 2, 4, 8), means, strict=True)}
        monkeypatch.setattr(module, "_losses", lambda reader, targets, k, rows=rows: rows[k])
        assert read(of)[3] == pytest.approx(expected, nan_ok=True)


def test_of_a_single_target_the_standard_error_is_not_known():
    error = read(reader("sequence", length=8, tokens=TEXT[:9]))[2]
    assert np.isnan(error).all()


def test_it_is_the_loss_of_windows_that_begin_with_an_empty_memory(monkeypatch):
    """In one piece, and in some, the last of which is filled up."""
    of = reader("sequence", rnnx.lstm(5), length=4)
    losses = [read(of)[1]]
    monkeypatch.setattr(module, "_READ", 400)
    losses.append(read(of)[1])

    @jax.jit
    def last(windows):
        outputs = nnx.merge(of.model, of.params)(Batch(windows[:-1], None, None))[-1]
        return -jnp.take_along_axis(jax.nn.log_softmax(outputs), windows[-1][:, None], axis=1).mean()

    for n, k in ((0, 1), (2, 4)):
        windows = TEXT[np.arange(4, len(TEXT)) + np.arange(-k, 1)[:, None]]
        for loss in losses:  # float32 rounds at 6e-8, in a hundred sums and in a mean
            assert loss[n] == pytest.approx(float(last(windows)), rel=3e-6)
    assert np.ptp(losses[0]) > 1e-3


def test_targets_lie_evenly_over_the_text():
    of = reader("ngram", order=2, tokens=np.tile(TEXT, 20))
    p = reference(TEXT, V, 2, "kneser_ney")
    places = np.linspace(T, len(of.tokens) - 1, 1024).astype(int)
    assert len(of.tokens) > 7 * len(places)
    expected = np.mean([-np.log(p([of.tokens[n - 1]], of.tokens[n])) for n in places])
    # Sums of two terms in float32, each rounded a few times by 6e-8.
    np.testing.assert_allclose(read(of)[1], expected, rtol=2e-6)


@pytest.mark.parametrize("length", [1, 3])
def test_the_longest_context_is_that_of_training(length):
    tokens, loss, error, _ = read(reader("ngram", order=2, length=length))
    assert tokens.tolist() == {1: [1], 3: [1, 2, 3]}[length]
    assert error[-1] == 0
    assert len(loss) == len(tokens)


class Mute(nnx.Module):
    """It says what is next and does not write."""

    def __init__(self, cell, task, *, rngs):
        self.table = nnx.Param(jnp.zeros((task.vocab_size, task.vocab_size)))

    def __call__(self, batch, run=rnnx.plain_run):
        return self.table.get_value()[batch.inputs]


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (lambda: reader(Mute), "the model Mute writes nothing: it has no `decoder`"),
        (lambda: reader("sequence", bidirectional=True), "runs in both directions"),
        (lambda: reader("sequence", tokens=TEXT[:T]), "reads 12 tokens before each target, and the test part has 12"),
    ],
)
def test_what_it_is_not_for(of, message):
    with pytest.raises(ValueError, match=message):
        loss_by_context(of())
