import itertools
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx import data
from rnnx.tasks.characters import characters

pytestmark = pytest.mark.skipif(
    not data.available("tinyshakespeare"), reason="tinyshakespeare is neither in RNNX_DATA_DIR nor in the cache"
)


@pytest.fixture(scope="module")
def text():
    return data.get("tinyshakespeare")().text


@pytest.fixture(scope="module")
def task():
    return characters(corpus="tinyshakespeare")


def decoded(batch, text):
    """The characters of each example: its inputs, and the last target."""
    vocabulary = np.array(sorted(set(text)))
    codes = np.concatenate([batch.inputs, batch.targets[-1:]])
    return ["".join(column) for column in vocabulary[codes].T]


def test_training_and_heldout_are_the_first_ninety_and_the_last_ten_per_cent(task, text):
    """A sequence as long as there are characters has one place to start from: it is all there is to sample from."""
    split = int(0.9 * len(text))
    (train,) = decoded(task.sample(jax.random.key(0), 1, split - 1), text)
    (heldout,) = decoded(task.sample_heldout(jax.random.key(0), 1, len(text) - split - 1), text)
    assert train + heldout == text


def test_samples_are_pieces_of_the_text(task, text):
    split = int(0.9 * len(text))
    train, heldout = text[:split], text[split:]
    for sample, own, other in ((task.sample, train, heldout), (task.sample_heldout, heldout, train)):
        pieces = decoded(sample(jax.random.key(0), 20, 100), text)
        assert len(set(pieces)) == 20
        assert all(piece in own for piece in pieces)
        assert not any(piece in other for piece in pieces)


def test_the_target_is_the_next_character(task):
    batch = task.sample(jax.random.key(0), 4, 10)
    np.testing.assert_array_equal(batch.targets[:-1], batch.inputs[1:])
    np.testing.assert_array_equal(batch.weights, 1)


def test_all_places_are_reached(task, text):
    """The first and the last too: a long sequence has three places to start from, and 20 examples find all of them."""
    split = int(0.9 * len(text))
    pieces = decoded(task.sample_heldout(jax.random.key(0), 20, len(text) - split - 3), text)
    assert {piece[:50] for piece in pieces} == {text[split + s : split + s + 50] for s in range(3)}


def test_the_floor_is_what_a_bigram_model_scores(task, text):
    """p(b | a) = (n_ab + 1) / (n_a + V), counted on the training text, given as logits for the whole held-out text."""
    split = int(0.9 * len(text))
    pairs = Counter(itertools.pairwise(text[:split]))
    vocabulary = sorted(set(text))
    counts = np.array([[pairs[a, b] + 1 for b in vocabulary] for a in vocabulary], float)
    log_p = np.log(counts / counts.sum(axis=1, keepdims=True))
    batch = task.sample_heldout(jax.random.key(0), 1, len(text) - split - 1)
    loss = task.loss(jnp.asarray(log_p, jnp.float32)[batch.inputs], batch)
    # A float32 sum of 1e5 terms: each is rounded at 6e-8, and errors add up as their square root or so.
    np.testing.assert_allclose(task.floor(10), loss, rtol=1e-5)
    assert 2 < task.floor(10) < 3  # nats; log 65 is 4.2


def test_accuracy_is_the_share_of_characters_that_are_most_likely(task):
    batch = task.sample(jax.random.key(0), 2, 2)
    right = jax.nn.one_hot(batch.targets, task.output_size)
    outputs = right.at[0, 0].multiply(-1)
    assert task.metrics(outputs, batch)["accuracy"] == 0.75


def test_without_knowledge_the_loss_is_that_of_equal_probabilities(task):
    batch = task.sample(jax.random.key(0), 2, 5)
    loss = task.loss(jnp.zeros((5, 2, task.output_size)), batch)
    np.testing.assert_allclose(loss, np.log(task.output_size), rtol=1e-6)  # float32 rounds at 6e-8


def test_provenance_names_the_text_and_its_hash(task):
    assert task.provenance == {"corpus": "tinyshakespeare", "sha256": data.source("tinyshakespeare").sha256}


def test_a_sequence_longer_than_the_text_is_refused(task):
    with pytest.raises(ValueError, match=r"^length must be below \d+, the characters there are, not 2000000\.$"):
        task.sample(jax.random.key(0), 1, 2_000_000)


def test_an_unknown_corpus_is_refused_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"^no corpus named 'tinyshakespear'; did you mean 'tinyshakespeare'\? Known: .*\.$"
    ):
        characters(corpus="tinyshakespear")
