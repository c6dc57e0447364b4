import itertools
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx import data
from rnnx.tasks.language.characters import characters
from rnnx.training.program import mean_loss, mean_scores


@pytest.fixture(scope="module")
def text():
    if not data.available("tinyshakespeare"):
        pytest.skip("tinyshakespeare is neither in RNNX_DATA_DIR nor in the cache")
    return data.get("tinyshakespeare")().text


@pytest.fixture(scope="module")
def task(text):
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
    loss = mean_loss(task, jnp.asarray(log_p, jnp.float32)[batch.inputs], batch)
    # A float32 sum of 1e5 terms: each is rounded at 6e-8, and errors add up as their square root or so.
    np.testing.assert_allclose(task.baseline_loss(10), loss, rtol=1e-5)
    assert 2 < task.baseline_loss(10) < 3  # nats; log 65 is 4.2


def test_accuracy_is_the_share_of_characters_that_are_most_likely(task):
    batch = task.sample(jax.random.key(0), 2, 2)
    right = jax.nn.one_hot(batch.targets, task.output_size)
    outputs = right.at[0, 0].multiply(-1)
    assert mean_scores(task, outputs, batch)["accuracy"] == 0.75


def use(monkeypatch, name, text):
    """A text as the one corpus that there is; what is read of it is kept by its name."""
    monkeypatch.setattr(data, "texts", lambda: (name,))
    monkeypatch.setattr(data, "get", lambda name: lambda: data.Text(name, text, "0"))
    return characters(corpus=name)


def test_a_stream_reads_the_text_from_end_to_end_and_begins_again(monkeypatch):
    """Of 26 letters 23 are trained on, with 22 to be followed by another: 5 stretches of 4, and one of 2. Each occurs
    once, so that its code is its place."""
    task = use(monkeypatch, "letters", "abcdefghijklmnopqrstuvwxyz")
    stream = jax.jit(lambda seed, step: task.stream(jax.random.key(seed), 2, 4, step))
    batches = [stream(0, step) for step in range(13)]
    for before, batch in itertools.pairwise(batches):
        scored = batch.weights > 0
        np.testing.assert_array_equal(batch.targets[scored], batch.inputs[scored] + 1)
        np.testing.assert_array_equal(batch.inputs[0], np.where(batch.restarts, 0, before.inputs[-1] + 1))
        np.testing.assert_array_equal(before.weights[-1] == 0, before.inputs[-1] == 22)
    for b in range(2):
        read = np.concatenate([batch.inputs[:, b][batch.weights[:, b] > 0] for batch in batches[1:7]])
        assert sorted(read.tolist()) == list(range(22))
    # Half the text apart; and what is drawn is where the first of them begins.
    assert abs(int(batches[0].inputs[0, 0] - batches[0].inputs[0, 1])) == 12
    assert len({int(stream(seed, 0).inputs[0, 0]) for seed in range(20)}) > 3
    # As far as 32 bits can count.
    np.testing.assert_array_equal(stream(0, 2**31 - 1).inputs, batches[(2**31 - 1) % 6].inputs)


@pytest.mark.parametrize(
    ("batch_size", "length", "message"),
    [
        (6, 4, None),
        (7, 4, r"^batch_size must be at most 6, the stretches of 4 characters to train on, not 7: examples of"),
        (1, 22, None),
        (1, 23, r"^length must be below 23, the characters to train on, not 23\.$"),
    ],
)
def test_examples_of_a_stream_begin_at_different_places(monkeypatch, batch_size, length, message):
    task = use(monkeypatch, "letters", "abcdefghijklmnopqrstuvwxyz")
    if message:
        with pytest.raises(ValueError, match=message):
            task.stream(jax.random.key(0), batch_size, length, 0)
    else:
        starts = task.stream(jax.random.key(0), batch_size, length, 0).inputs[0]
        assert len(set(starts.tolist())) == batch_size


@pytest.mark.parametrize("V", [256, 257, 300, 65_537])
def test_a_text_may_have_any_number_of_characters(monkeypatch, V):
    """Each of them keeps a code of its own, and every window is a piece of the text; the floor fits into memory."""
    alphabet = "".join(map(chr, range(0x10000, 0x10000 + V)))
    text = "".join(np.random.default_rng(0).permutation(list(alphabet * 2)))
    task = use(monkeypatch, f"of {V} characters", text)
    assert task.input_size == V
    for sample in (task.sample, task.sample_heldout):
        pieces = decoded(sample(jax.random.key(0), 50, 20), text)
        assert all(piece in text for piece in pieces)
    # Next to no pair occurs twice: p = (0 or 1 + 1) / (2 + V) for all of them.
    assert np.log((V + 2) / 2) - 0.1 < task.baseline_loss(20) < np.log(V + 2)


def test_without_knowledge_the_loss_is_that_of_equal_probabilities(task):
    batch = task.sample(jax.random.key(0), 2, 5)
    loss = mean_loss(task, jnp.zeros((5, 2, task.output_size)), batch)
    np.testing.assert_allclose(loss, np.log(task.output_size), rtol=1e-6)  # float32 rounds at 6e-8


def test_provenance_names_the_text_and_its_hash(task):
    assert task.data == {"corpus": "tinyshakespeare", "sha256": data.sources("tinyshakespeare")[0].sha256}


def test_a_sequence_longer_than_its_part_of_the_text_is_refused(task, text):
    train = int(0.9 * len(text))
    for sample, there, part in (
        (task.sample, train, "to train on"),
        (task.sample_heldout, len(text) - train, "held out"),
    ):
        with pytest.raises(ValueError, match=rf"^length must be below {there}, the characters {part}, not {there}\.$"):
            sample(jax.random.key(0), 1, there)


def test_an_unknown_corpus_is_refused_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"^no corpus named 'tinyshakespear'; did you mean 'tinyshakespeare'\? Known: .*\.$"
    ):
        characters(corpus="tinyshakespear")


def test_a_data_set_that_is_no_text_is_refused():
    with pytest.raises(ValueError, match=r"^no corpus named 'sst'. Known: shakespeare, tinyshakespeare\.$"):
        characters(corpus="sst")
