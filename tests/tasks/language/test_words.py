"""Words: what is a token, whose vocabulary it is, and what counts in a perplexity."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx import data
from rnnx.tasks.language.words import words
from rnnx.training.program import mean_loss, mean_scores
from rnnx.vocabulary import split_words
from tests.helpers.texts import decoded, in_one, written

WORDS = np.array([f"w{n}" for n in range(40)])
# The later words are rare: of 40 some do not occur 3 times among those that are trained on.
DRAWN = WORDS[np.minimum(np.random.default_rng(0).geometric(0.12, 1000) - 1, 39)]
# Every word takes three letters, and every tenth ends a line.
TEXT = "".join(f"{word:<3}" + ("\n" if n % 10 == 9 else " ") for n, word in enumerate(DRAWN))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return written(tmp_path_factory.mktemp("text"), TEXT)


@pytest.fixture(scope="module")
def task(path):
    return words(path=path)


def parts(text, cuts):
    """Tokens of the parts of a text, each of which ends where a word does."""
    places = [0]
    for cut in cuts:
        while cut < len(text) and not text[cut].isspace():
            cut += 1
        places.append(cut)
    return [split_words(text[start:end]) for start, end in itertools.pairwise([*places, len(text)])]


def kept(train, min_count):
    return {word for word in train if train.count(word) >= min_count} | {"<eos>"}


def read(task):
    """Tokens to train on and to test on."""
    inputs, targets = in_one(task.test_batches(3))
    names = np.array(task.vocabulary.tokens)
    return names[task.train_tokens()].tolist(), names[[*inputs, targets[-1]]].tolist()


def test_a_text_is_ninety_five_and_five_per_cent_at_ends_of_words(path, task):
    text_parts = parts(TEXT, (len(TEXT) * 90 // 100, len(TEXT) * 95 // 100))
    known = kept(text_parts[0], 3)
    train, heldout, test = ([word if word in known else "<unk>" for word in part] for part in text_parts)
    assert read(task) == (train, test)
    whole = task.sample_heldout(jax.random.key(0), 1, len(heldout) - 1)
    assert np.array(task.vocabulary.tokens)[whole.inputs[:, 0]].tolist() == heldout[:-1]
    assert (task.data["split"], task.data["path"]) == ("90/5/5 by position", path)
    assert task.data["vocabulary_sha256"] == task.vocabulary.sha256


def test_tiny_shakespeare_has_two_parts(monkeypatch):
    monkeypatch.setattr(data, "texts", lambda: ("tinyshakespeare",))
    monkeypatch.setattr(data, "get", lambda name: lambda: data.Text(name, TEXT, "0"))
    task = words(corpus="tinyshakespeare", min_count=1)
    train, heldout = parts(TEXT, (len(TEXT) * 90 // 100,))
    known = kept(train, 1)
    assert read(task) == (train, [word if word in known else "<unk>" for word in heldout])
    assert task.data["split"] == "90/10 by position, tested on what is held out"


@pytest.mark.parametrize("min_count", [1, 3, 20])
def test_the_vocabulary_is_of_the_words_that_are_trained_on(path, min_count):
    """Those that occur so often there, the most frequent first; what else is read is `<unk>`, and its share is told."""
    task = words(path=path, min_count=min_count)
    train, heldout, test = parts(TEXT, (len(TEXT) * 90 // 100, len(TEXT) * 95 // 100))
    known = kept(train, min_count)
    assert task.vocabulary.unit == "word"
    assert task.vocabulary.tokens[:2] == ("<unk>", "<eos>")
    assert set(task.vocabulary.tokens) == known | {"<unk>"}
    counts = [train.count(word) for word in task.vocabulary.tokens[2:]]
    assert counts == sorted(counts, reverse=True)
    assert task.input_size == task.output_size == task.vocab_size == len(known) + 1
    for name, part in (("train", train), ("heldout", heldout), ("test", test)):
        share = np.mean([word not in known for word in part])
        assert float(task.data[f"unknown_{name}"]) == pytest.approx(share, abs=5e-5)  # four digits
    assert (float(task.data["unknown_train"]) == 0) == (min_count == 1)


def test_samples_are_pieces_of_their_part(task):
    train = task.vocabulary.decode(task.train_tokens())
    batch = task.sample(jax.random.key(0), 20, 12)
    np.testing.assert_array_equal(batch.targets[:-1], batch.inputs[1:])
    assert all(piece.strip() in train for piece in decoded(batch, task.vocabulary))


def test_unknown_words_and_ends_of_lines_count_as_tokens(path):
    """With a probability of 1/V for each of them, the perplexity of the test part is V, and all but its first token are
    counted."""
    task = words(path=path, min_count=20)
    tokens = read(task)[1]
    assert {"<unk>", "<eos>"} <= set(tokens)
    V, nats, count = task.output_size, 0.0, 0.0
    for batch in task.test_batches(2):
        losses = task.losses(jnp.zeros((*batch.weights.shape, V)), batch)
        nats, count = nats + float(jnp.sum(losses * batch.weights)), count + float(jnp.sum(batch.weights))
    assert count == len(tokens) - 1
    # A float32 sum of some hundred terms.
    assert task.summary({"loss": nats / count}) == {"perplexity": pytest.approx(V, rel=1e-5)}


def test_the_perplexity_of_a_model_that_has_diverged_is_no_error(task):
    assert task.summary({"loss": 1e4}) == {"perplexity": math.inf}
    assert math.isnan(task.summary({"loss": math.nan})["perplexity"])


@pytest.mark.parametrize("min_count", [1, 3])
def test_the_baseline_is_what_a_bigram_model_that_falls_back_scores(path, min_count):
    """p(b | a) = (n_ab + d_a p(b)) / (n_a + d_a) with p(b) = (n_b + 1) / (N + V), which are probabilities."""
    task = words(path=path, min_count=min_count)
    V, train = task.output_size, task.train_tokens()
    counts = np.zeros((V, V))
    np.add.at(counts, (train[:-1], train[1:]), 1)
    p_b = (np.bincount(train, minlength=V) + 1) / (len(train) + V)
    d = np.maximum((counts > 0).sum(axis=1, keepdims=True), 1)
    p = (counts + d * p_b) / (counts.sum(axis=1, keepdims=True) + d)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-13)  # some tens of terms in float64
    count = len(parts(TEXT, (len(TEXT) * 90 // 100, len(TEXT) * 95 // 100))[1])
    whole = task.sample_heldout(jax.random.key(0), 1, count - 1)
    expected = -np.log(p[whole.inputs, whole.targets]).mean()
    assert task.baseline_loss(10) == pytest.approx(expected, rel=1e-12)  # some tens of terms in float64


def test_scores_are_the_shares_of_first_and_of_the_first_five(task):
    batch = task.sample(jax.random.key(0), 2, 2)
    rank = jnp.array([[0, 4], [5, 1]])  # of the target
    order = (jnp.arange(task.output_size) - batch.targets[..., None] + rank[..., None]) % task.output_size
    scores = mean_scores(task, -order.astype(jnp.float32), batch)
    assert {name: float(score) for name, score in scores.items()} == {"accuracy": 0.25, "top_5": 0.75}
    loss = mean_loss(task, jnp.zeros((2, 2, task.output_size)), batch)
    assert float(loss) == pytest.approx(math.log(task.output_size), rel=1e-6)  # float32 rounds at 6e-8


@pytest.mark.parametrize("batch_size", [1, 7, 3000])
def test_a_batch_of_the_test_part_has_no_more_logits_than_there_is_room_for(tmp_path, batch_size):
    """Of a large vocabulary it has the fewer steps, and each token is predicted once all the same."""
    text = " ".join(f"w{n}" for n in (*range(5000), *range(5000, 0, -1), *range(5000)))
    task = words(path=written(tmp_path, text), min_count=1)
    batches = list(task.test_batches(batch_size))
    steps = min(256, 2**25 // (batch_size * task.output_size))
    assert batches[0].weights.shape == (steps, batch_size)
    inputs, targets = in_one(batches)
    tokens = split_words(text)[-len(inputs) - 1 :]
    assert [task.vocabulary.tokens[n] for n in (*inputs, targets[-1])] == tokens


@pytest.mark.parametrize(
    ("text", "min_count", "message"),
    [
        ("a b\n" * 100, 95, r"^min_count must be at most 91, as often as any word occurs in the part of .* not 95\.$"),
        ("a b\n" * 100, 0, r"^min_count must be a whole number of at least 1, not 0\.$"),
        (
            "a b\n" * 5,
            1,
            r"^.*mine\.txt is too short: of its 15 words there are 0 to hold out, and it takes at least 2, ",
        ),
        ("a\t" * 100, 3, r"^the 91 words of .*mine\.txt to train on are all 'a': where nothing else can follow "),
        ("\n" * 100, 3, r"^the 90 words of .*mine\.txt to train on are all '<eos>': where nothing else can follow "),
        (" " * 100, 3, r"^.*mine\.txt is too short: of its 0 words there are 0 to train on"),
    ],
    ids=["min_count too large", "no min_count", "too short", "one word", "no word", "spaces"],
)
def test_a_text_of_which_nothing_can_be_learnt_is_refused(tmp_path, text, min_count, message):
    with pytest.raises(ValueError, match=message):
        words(path=written(tmp_path, text), min_count=min_count)


def test_an_unknown_corpus_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"^no corpus named 'war_and_pece'; did you mean 'war_and_peace'\? Known: "):
        words(corpus="war_and_pece")
