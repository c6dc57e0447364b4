"""Pronunciation: which words are in which part, what a batch holds, and what an error rate is."""

from collections import Counter

import jax
import numpy as np
import pytest

from rnnx import data
from rnnx.data.cmudict import cmudict
from rnnx.tasks.language.pronunciation import error_rates, part_of, pronunciation
from rnnx.training.program import mean_loss, mean_scores

SMALL = """# train: banana, tomato, the; held out: hebe; tested: school, and
banana B AH0 N AE1 N AH0
tomato T AH0 M EY1 T OW2
tomato(2) T AH0 M AA1 T OW2
the DH AH0
the(2) DH AH1
the(3) DH IY0
hebe HH IY1 B
school S K UW1 L
and AH0 N D
and(2) AE1 N D
and(3) AH1 N D # without stress as the first
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.dict"
    path.write_text(SMALL)
    return pronunciation(path=str(path))


@pytest.fixture(scope="module")
def task():
    if not data.available("cmudict"):
        pytest.skip("cmudict is not on this machine")
    return pronunciation()


def pairs(task, batch):
    """Each example as a word and what it is to be said as, as text."""
    letters, phonemes = task.data["letters"], task.data["phonemes"].split()
    source, target = np.asarray(batch.inputs.source), np.asarray(batch.targets)
    written = np.asarray(batch.inputs.target_lengths)
    assert (target[written - 1, np.arange(len(written))] == len(phonemes)).all()  # the end
    return [
        ("".join(letters[c] for c in source[:n, b]), " ".join(phonemes[c] for c in target[: written[b] - 1, b]))
        for b, n in enumerate(batch.lengths.tolist())
    ]


def drawn(sample, length, size=500):
    return jax.jit(sample, static_argnums=(1, 2))(jax.random.key(0), size, length)


def test_the_part_follows_from_the_word_alone():
    """Which results are compared by, so that these must never move."""
    parts = {"train": "banana tomato tomatoes the sister", "heldout": "hebe heels heavyweights", "test": "school and"}
    for part, words in parts.items():
        assert {part_of(word) for word in words.split()} <= {part}, part


def test_shares_of_the_parts():
    """80, 5 and 15 % of 20,000 words, within five standard deviations of what chance would do."""
    parts = [part_of(f"word{n}") for n in range(20_000)]
    for part, share in (("train", 0.80), ("heldout", 0.05), ("test", 0.15)):
        assert abs(parts.count(part) - 20_000 * share) < 5 * (20_000 * share * (1 - share)) ** 0.5


def test_a_word_is_in_one_part_with_all_its_pronunciations(small):
    train, heldout = (set(pairs(small, drawn(sample, 6))) for sample in (small.sample, small.sample_heldout))
    tested = [pair for batch in small.test_batches(2) for pair in pairs(small, batch)]
    assert train == {
        ("banana", "B AH N AE N AH"),
        ("tomato", "T AH M EY T OW"),
        ("tomato", "T AH M AA T OW"),
        ("the", "DH AH"),
        ("the", "DH IY"),
    }
    assert heldout == {("hebe", "HH IY B")}
    assert tested == [("school", "S K UW L"), ("and", "AH N D"), ("and", "AE N D")]


def test_stress_is_told_on_request(tmp_path):
    path = tmp_path / "small.dict"
    path.write_text(SMALL)
    task = pronunciation(path=str(path), stress=True)
    tested = [pair for batch in task.test_batches(9) for pair in pairs(task, batch)]
    assert tested[1:] == [("and", "AH0 N D"), ("and", "AE1 N D"), ("and", "AH1 N D")]
    assert task.data["phonemes"] == "AA1 AE1 AH0 AH1 B D DH EY1 HH IY0 IY1 K L M N OW2 S T UW1"


def test_all_of_the_dictionary_is_in_the_parts(task):
    """No word in two of them, and the whole test split as it stands in the file."""
    words = cmudict().words
    said = {word: {tuple(p.rstrip("012") for p in one) for one in listed} for word, listed in words.items()}
    assert Counter(map(part_of, words)) == {"train": 100_922, "heldout": 6_359, "test": 18_771}
    tested = [pair for batch in task.test_batches(5000) for pair in pairs(task, batch)]
    assert len(tested) == len(set(tested)) == 20_124
    expected = {(word, " ".join(one)) for word in words if part_of(word) == "test" for one in said[word]}
    assert set(tested) == expected
    once = [word for batch in task.decoding.batches(5000) for word, _ in pairs(task, batch)]
    assert once == [word for word in words if part_of(word) == "test"]
    for sample, part in ((task.sample, "train"), (task.sample_heldout, "heldout")):
        for word, one in pairs(task, drawn(sample, 14, 2000)):
            assert part_of(word) == part
            assert tuple(one.split()) in said[word]
    assert task.output_size == 40
    assert task.vocab_size == 29


def test_what_the_decoder_is_given(task):
    batch = drawn(task.sample, 12)
    end = task.output_size - 1
    np.testing.assert_array_equal(batch.inputs.target[0], end + 1)
    np.testing.assert_array_equal(batch.inputs.target[1:], batch.targets[:-1])
    np.testing.assert_array_equal(batch.weights.sum(axis=0), batch.inputs.target_lengths)
    np.testing.assert_array_equal(batch.targets[batch.weights == 0], end)
    assert (((batch.targets == end) & (batch.weights > 0)).sum(axis=0) == 1).all()


def test_a_length_leaves_out_longer_words(task):
    """And what is longer than the longest pronunciation of those is not computed."""
    for length, said in ((1, 8), (8, 16), (28, 29)):
        batch = drawn(task.sample, length)
        assert batch.inputs.source.shape[0] == length
        assert batch.lengths.max() <= length
        assert len(batch.targets) == said
    with pytest.raises(ValueError, match=r"^length of words must be a whole number of at least 1, not 0\.$"):
        task.sample(jax.random.key(0), 4, 0)


def test_the_baseline_knows_the_phoneme_before(small):
    """Counted by hand: the phonemes of `hebe`, none of which follows in training on the one before."""
    # Trained on: B AH N AE N AH, T AH M EY T OW, T AH M AA T OW, DH AH, DH IY.
    O = small.output_size
    p = [(0 + 1) / (5 + O), (0 + 1) / (0 + O), (0 + 1) / (1 + O), (0 + 1) / (1 + O)]
    np.testing.assert_allclose(small.baseline_loss(6), -np.log(p).mean(), rtol=1e-12)  # float64


def test_one_wrong_phoneme_spoils_a_pronunciation(task):
    batch = drawn(task.sample, 12, 4)
    right = jax.nn.one_hot(batch.targets, task.output_size)
    scores = mean_scores(task, right.at[0, 1].multiply(-1), batch)
    count = float(batch.weights.sum())
    np.testing.assert_allclose(scores["accuracy"], (count - 1) / count, rtol=1e-6)  # float32
    assert scores["exact"] == 0.75
    padded = right.at[-1].multiply(-1)  # no pronunciation of these is as long
    assert (batch.weights[-1] == 0).all()
    assert mean_scores(task, padded, batch)["exact"] == 1
    assert mean_loss(task, padded, batch) == mean_loss(task, right, batch)


def test_error_rates_of_what_was_written():
    """A word is right with either pronunciation, and its errors are counted against the nearer one."""
    words = {
        "tomato": (tuple("TAMETO"), tuple("TAMATO")),
        "read": (tuple("RED"), tuple("REED")),
        "a": (("AH",), ("EY", "AH", "M")),
    }

    def rates(*outputs):
        numbers, records = error_rates(words, [tuple(output) for output in outputs])
        assert [record["input"] for record in records] == list(words)
        return numbers["word_error_rate"], numbers["phoneme_error_rate"]

    assert rates("TAMETO", "RED", ["AH"]) == (0, 0)
    assert rates("TAMATO", "REED", ["EY", "AH", "M"]) == (0, 0)
    assert rates("TAMATO", "REEED", ["AH"]) == (1 / 3, 1 / (6 + 4 + 1))
    assert rates("TOMOTO", "", []) == (1, (2 + 3 + 1) / (6 + 3 + 1))  # of equally near ones the first counts
    assert rates("TAMETO", "RED", ["EY", "M"]) == (1 / 3, 1 / (6 + 3 + 3))


def test_a_record_of_each_word(small):
    """As it stands in the predictions of a trial, in the order of what was written."""
    phonemes = small.data["phonemes"].split()
    outputs = [[phonemes.index(phoneme) for phoneme in said.split()] for said in ("S K UW L", "AE N")]
    numbers, records = small.decoding.score(outputs)
    assert numbers == {"word_error_rate": 0.5, "phoneme_error_rate": 1 / 7}
    assert records == [
        {"input": "school", "targets": ["S K UW L"], "output": "S K UW L", "errors": 0, "phonemes": 4},
        {"input": "and", "targets": ["AH N D", "AE N D"], "output": "AE N", "errors": 1, "phonemes": 3},
    ]
    assert [word for batch in small.decoding.batches(1) for word, _ in pairs(small, batch)] == ["school", "and"]


def test_its_data_are_recorded(small, task):
    assert task.data["sha256"] == data.sources("cmudict")[0].sha256
    assert task.data["dictionary"] == "cmudict"
    assert small.data["path"].endswith("small.dict")
    assert small.data["letters"] == "abcdehlmnost"


def test_a_dictionary_that_can_not_be_divided_is_refused(tmp_path):
    path = tmp_path / "tiny.dict"
    lines = SMALL.split("\n")
    for left_out, told in (
        (("hebe",), "hold out"),
        (("school", "and"), "test on"),
        (("ban", "tom", "the"), "train on"),
    ):
        path.write_text("\n".join(line for line in lines if not line.startswith(left_out)))
        with pytest.raises(ValueError, match=rf"tiny\.dict has too few words: of \d+ there is none to {told}\.$"):
            pronunciation(path=str(path))
    path.write_text("banana\n")
    with pytest.raises(data.DataError, match=r"^line 1 of .*tiny\.dict has a word, 'banana', and no phonemes: "):
        pronunciation(path=str(path))
