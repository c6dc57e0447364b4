"""Characters: the parts of a text, windows and streams of it, its test part as one text, and files of one's own."""

import hashlib
import itertools
import math
from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnx import data
from rnnx.tasks.language import _text
from rnnx.tasks.language.characters import characters
from rnnx.training.program import mean_loss, mean_scores
from rnnx.vocabulary import characters_of
from tests.helpers.texts import decoded, in_one, written

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
# Of no period; with 1000 of 5^7 pieces of seven letters next to none occurs twice.
TEXT = "".join(np.random.default_rng(0).choice(list("abcd\n"), 1000))
TRAIN, HELDOUT, TEST = TEXT[:800], TEXT[800:900], TEXT[900:]


def own(folder, text, **options):
    return characters(path=written(folder, text), **options)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return own(tmp_path_factory.mktemp("text"), TEXT)


def use(monkeypatch, name, text):
    """A text as the one corpus that there is."""
    monkeypatch.setattr(data, "texts", lambda: (name,))
    monkeypatch.setattr(data, "get", lambda name: lambda: data.Text(name, text, "0"))
    return characters(corpus=name)


def whole(task, heldout):
    """The three parts: a sequence as long as there are characters, of which `heldout` are held out, has one place to
    start from."""
    train = task.vocabulary.decode(task.train_tokens())
    assert decoded(task.sample(jax.random.key(0), 1, len(train) - 1), task.vocabulary) == [train]
    inputs, targets = in_one(task.test_batches(3))
    test = task.vocabulary.decode([*inputs, targets[-1]])
    return train, *decoded(task.sample_heldout(jax.random.key(0), 1, heldout - 1), task.vocabulary), test


def test_a_text_is_eighty_ten_and_ten_per_cent_by_position(monkeypatch, tmp_path):
    text = TEXT[:205]
    assert whole(own(tmp_path, text), 20) == (text[:164], text[164:184], text[184:])
    assert whole(use(monkeypatch, "shakespeare", text), 20) == (text[:164], text[164:184], text[184:])


def test_tiny_shakespeare_has_two_parts_and_says_so(monkeypatch, tmp_path):
    text = TEXT[:205]
    # The name of a file is no corpus.
    monkeypatch.chdir(tmp_path)
    written(tmp_path, text, "tinyshakespeare")
    mine = characters(path="tinyshakespeare")
    assert (len(mine.train_tokens()), mine.data["split"]) == (164, "80/10/10 by position")
    task = use(monkeypatch, "tinyshakespeare", text)
    assert whole(task, 21) == (text[:184], text[184:], text[184:])
    assert task.data["split"] == "90/10 by position, tested on what is held out"


def test_samples_are_pieces_of_their_part(task):
    for sample, part in ((task.sample, TRAIN), (task.sample_heldout, HELDOUT)):
        batch = sample(jax.random.key(0), 20, 12)
        np.testing.assert_array_equal(batch.targets[:-1], batch.inputs[1:])
        np.testing.assert_array_equal(batch.weights, 1)
        pieces = decoded(batch, task.vocabulary)
        assert len(set(pieces)) > 10
        assert all(piece in part for piece in pieces)


def test_all_places_are_reached(task):
    """The first and the last too: a long sequence has three places to start from, and 20 examples find all of them."""
    pieces = decoded(task.sample_heldout(jax.random.key(0), 20, len(HELDOUT) - 3), task.vocabulary)
    assert set(pieces) == {HELDOUT[s : s + len(HELDOUT) - 2] for s in range(3)}


def test_what_is_drawn_is_what_always_was(monkeypatch):
    """Trials of a corpus stay what they were: the text is one in which a code is a place."""
    task = use(monkeypatch, "tinyshakespeare", ALPHABET)
    assert task.sample(jax.random.key(0), 6, 5).inputs[0].tolist() == [13, 12, 2, 1, 11, 3]
    assert task.sample_heldout(jax.random.key(1), 6, 1).inputs[0].tolist() == [23, 24, 23, 24, 23, 23]
    stream = jax.jit(lambda step: task.stream(jax.random.key(0), 2, 4, step).inputs[0])
    assert [stream(step).tolist() for step in range(4)] == [[4, 16], [8, 20], [12, 0], [16, 4]]


def test_the_baseline_is_what_a_bigram_model_scores(task):
    """p(b | a) = (n_ab + 1) / (n_a + V), counted on the training text."""
    counts = Counter(itertools.pairwise(TRAIN))
    before = Counter(TRAIN[:-1])
    log_p = [math.log((counts[a, b] + 1) / (before[a] + 5)) for a, b in itertools.pairwise(HELDOUT)]
    assert task.baseline_loss(10) == pytest.approx(-np.mean(log_p), rel=1e-12)  # some hundred terms in float64


def test_accuracy_is_the_share_of_characters_that_are_most_likely(task):
    batch = task.sample(jax.random.key(0), 2, 2)
    right = jax.nn.one_hot(batch.targets, task.output_size)
    outputs = right.at[0, 0].multiply(-1)
    assert mean_scores(task, outputs, batch)["accuracy"] == 0.75


def test_without_knowledge_the_loss_is_that_of_equal_probabilities(task):
    batch = task.sample(jax.random.key(0), 2, 5)
    loss = mean_loss(task, jnp.zeros((5, 2, task.output_size)), batch)
    np.testing.assert_allclose(loss, np.log(task.output_size), rtol=1e-6)  # float32 rounds at 6e-8
    assert task.summary({"loss": math.log(8)}) == {"bits_per_character": pytest.approx(3, rel=1e-15)}


def test_a_stream_reads_the_text_from_end_to_end_and_begins_again(tmp_path):
    """Of 28 characters 22 are trained on, with 21 to be followed by another: 5 stretches of 4, and one of 1. Each
    occurs once, so that its code is its place."""
    task = own(tmp_path, ALPHABET + "{|")
    stream = jax.jit(lambda seed, step: task.stream(jax.random.key(seed), 2, 4, step))
    batches = [stream(0, step) for step in range(13)]
    for before, batch in itertools.pairwise(batches):
        scored = batch.weights > 0
        np.testing.assert_array_equal(batch.targets[scored], batch.inputs[scored] + 1)
        np.testing.assert_array_equal(batch.inputs[0], np.where(batch.restarts, 0, before.inputs[-1] + 1))
        np.testing.assert_array_equal(before.weights[-1] == 0, before.inputs[-1] == 21)
    for b in range(2):
        read = np.concatenate([batch.inputs[:, b][batch.weights[:, b] > 0] for batch in batches[1:7]])
        assert sorted(read.tolist()) == list(range(21))
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
        (1, 21, None),
        (1, 22, r"^length must be below 22, the characters to train on, not 22\.$"),
    ],
)
def test_examples_of_a_stream_begin_at_different_places(tmp_path, batch_size, length, message):
    task = own(tmp_path, ALPHABET + "{|")
    if message:
        with pytest.raises(ValueError, match=message):
            task.stream(jax.random.key(0), batch_size, length, 0)
    else:
        starts = task.stream(jax.random.key(0), batch_size, length, 0).inputs[0]
        assert len(set(starts.tolist())) == batch_size


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100, 1001])
def test_the_test_part_is_one_text_in_stretches(tmp_path, batch_size):
    """Each character is predicted once, whatever the batch size, and only the last stretches are short: 1000 to
    predict, in stretches of S, of as many times 256 as it takes."""
    text = "".join(np.random.default_rng(1).choice(list(ALPHABET), 10_009))
    task = own(tmp_path, text)
    batches = list(task.test_batches(batch_size))
    S = math.ceil(math.ceil(1000 / batch_size) / 256) * 256
    assert [batch.weights.shape for batch in batches] == [(256, batch_size)] * (S // 256)
    inputs, targets = in_one(batches)
    assert task.vocabulary.decode(inputs) == text[9008:-1]
    assert task.vocabulary.decode(targets) == text[9009:]
    # Each stretch goes on where the one before it ends, after as many steps.
    first = np.concatenate([batch.inputs for batch in batches])
    for b in range(min(batch_size, 1000 // S)):
        assert task.vocabulary.decode(first[:, b]) == text[9008 + b * S : 9008 + (b + 1) * S]


def test_test_batches_begin_anew_at_each_call(task):
    one, other = task.test_batches(2), task.test_batches(2)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.inputs, b.inputs)
    assert list(one) == []
    assert len(list(task.test_batches(2))) == 1


@pytest.mark.parametrize("V", [256, 257, 300, 65_537])
def test_a_text_may_have_any_number_of_characters(tmp_path, V):
    """Each of them keeps a code of its own, and every window is a piece of the text; the baseline fits into memory."""
    alphabet = "".join(map(chr, range(0x10000, 0x10000 + V)))
    text = "".join(np.random.default_rng(0).permutation(list(alphabet * 2)))
    task = own(tmp_path, text)
    assert task.input_size == V
    assert task.vocabulary.decode(task.train_tokens()) == text[: len(text) * 8 // 10]
    assert task.train_tokens().dtype == np.int32  # to be counted with, unlike those on the device
    for sample in (task.sample, task.sample_heldout):
        pieces = decoded(sample(jax.random.key(0), 50, 20), task.vocabulary)
        assert all(piece in text for piece in pieces)
    # Next to no pair occurs twice: p = (0 or 1 + 1) / (up to 2 + V) for all of them.
    assert np.log(V / 2) - 0.1 < task.baseline_loss(20) < np.log(V + 2)


@pytest.mark.parametrize(("V", "kind"), [(256, np.uint8), (257, np.uint16), (65_537, np.uint32)])
def test_codes_are_of_the_smallest_type(V, kind):
    text = "".join(map(chr, range(0x10000, 0x10000 + V)))
    parts = _text.encoded("it", _text.cut(text, (80, 10, 10)), characters_of(text))
    assert {parts.train.dtype, parts.heldout.dtype, parts.test.dtype} == {np.dtype(kind)}


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufeff"), min_size=2), st.integers(20, 40)
)
def test_a_text_is_read_as_it_is_written(tmp_path, piece, times):
    """Whatever is in it, such as accents that combine, signs beyond 16 bits, and zeros."""
    if len(set(piece)) > 1:
        text = piece * times
        task = own(tmp_path, text)
        assert task.vocabulary.decode(task.train_tokens()) == text[: len(text) * 8 // 10]
        assert task.vocabulary.decode(in_one(task.test_batches(2))[1]) == text[len(text) * 9 // 10 + 1 :]


def test_lines_end_in_a_newline_whatever_the_file_has(tmp_path):
    """And a byte order mark is none of the characters."""
    expected = own(tmp_path, "one\ntwo\n\nthree\n" * 10)
    for there in ("one\r\ntwo\r\n\r\nthree\r\n", "one\rtwo\r\rthree\r", "one\r\ntwo\n\rthree\n"):
        task = own(tmp_path, "\ufeff" + there * 10)
        assert task.vocabulary == expected.vocabulary
        np.testing.assert_array_equal(task.train_tokens(), expected.train_tokens())


def test_a_path_is_relative_to_the_working_directory_and_may_start_at_home(tmp_path, monkeypatch):
    written(tmp_path, TEXT)
    monkeypatch.chdir(tmp_path)
    assert characters(path="mine.txt").data["path"] == "mine.txt"
    monkeypatch.chdir("/")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert characters(path="~/mine.txt").data["path"] == "~/mine.txt"


def test_a_file_is_read_anew_for_each_task(tmp_path):
    one, other = own(tmp_path, TEXT), own(tmp_path, TEXT.replace("a", "e"))
    assert one.data["sha256"] != other.data["sha256"]
    assert one.vocabulary.tokens == tuple("\nabcd")
    assert other.vocabulary.tokens == tuple("\nbcde")


def test_provenance_names_text_split_and_vocabulary(monkeypatch, task):
    file = Path(task.data["path"])
    there = {"split": "80/10/10 by position", "vocabulary_sha256": task.vocabulary.sha256}
    assert task.data == there | {"path": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert use(monkeypatch, "letters", TEXT).data == there | {"corpus": "letters", "sha256": "0"}


def test_a_sequence_longer_than_its_part_of_the_text_is_refused(task):
    for sample, there, part in ((task.sample, 800, "to train on"), (task.sample_heldout, 100, "held out")):
        with pytest.raises(ValueError, match=rf"^length must be below {there}, the characters {part}, not {there}\.$"):
            sample(jax.random.key(0), 1, there)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"^.*mine\.txt is empty: there is no text in it\.$"),
        ("\ufeff", r"^.*mine\.txt is empty: there is no text in it\.$"),
        ("ab" * 5 + "a", r"^.*mine\.txt is too short: of its 11 characters there are 1 to hold out, and it takes at "),
        ("a", r"^.*mine\.txt is too short: of its 1 characters there are 0 to train on, "),
        ("a" * 90 + "b" * 10, r"^the 80 characters of .*mine\.txt to train on are all 'a': where nothing else can "),
    ],
)
def test_a_text_of_which_nothing_can_be_learnt_is_refused(tmp_path, text, message):
    with pytest.raises((ValueError, data.DataError), match=message) as refused:
        own(tmp_path, text)
    assert "\n" not in str(refused.value)


def test_a_text_that_is_just_long_enough(tmp_path):
    task = own(tmp_path, "ab" * 10)
    assert task.sample_heldout(jax.random.key(0), 1, 1).weights.sum() == 1
    assert len(in_one(task.test_batches(5))[0]) == 1


def test_an_unknown_corpus_is_refused_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"^no corpus named 'tinyshakespear'; did you mean 'tinyshakespeare'\? Known: .*\.$"
    ):
        characters(corpus="tinyshakespear")


def test_a_data_set_that_is_no_text_is_refused():
    with pytest.raises(
        ValueError, match=r"^no corpus named 'sst'. Known: shakespeare, tinyshakespeare, war_and_peace\.$"
    ):
        characters(corpus="sst")


def test_tiny_shakespeare_as_others_have_it():
    """Characters, parts and baseline are those of before, and by which numbers are compared."""
    if not data.available("tinyshakespeare"):
        pytest.skip("tinyshakespeare is neither in RNNX_DATA_DIR nor in the cache")
    task = characters()
    assert task.vocab_size == 65
    assert len(task.train_tokens()) == 1_003_854
    assert len(in_one(task.test_batches(128))[0]) == 111_540 - 1
    assert task.baseline_loss(10) == pytest.approx(2.4819, abs=1e-4)
    assert task.data["sha256"] == data.sources("tinyshakespeare")[0].sha256
    assert task.train_tokens()[:5].tolist() == [18, 47, 56, 57, 58]
