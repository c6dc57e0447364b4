"""Translation: what is in which part, what a batch holds, and what is scored as BLEU."""

import itertools

import jax
import numpy as np
import pytest
from sacrebleu import corpus_bleu, sentence_bleu

from rnnx import data
from rnnx.tasks.language.translation import bleu, translation
from rnnx.training.evaluation import evaluate
from rnnx.training.program import mean_loss
from rnnx.vocabulary import END_OF_LINE, UNKNOWN

# By the hashes of their sources the rolling child and the cat are tested on, the singing child is held out, and the
# rest is trained on, by words and by characters.
SMALL = """Ein Hund läuft.\tA dog runs.
Ein Hund schläft.\tA dog sleeps.
ein  HUND schläft.\tA dog is asleep!
Ein Kind rollt.\tA child rolls.
Die Katze läuft.\tThe cat runs.
Ein Kind singt.\tA child sings.
Die Frau lacht laut.\tThe woman laughs out loud.
Die Katze läuft.\tThe cat is running.
Der Hund schläft.\tThe dog sleeps.
"""
TESTED = [("Ein Kind rollt.", ["A child rolls."]), ("Die Katze läuft.", ["The cat runs.", "The cat is running."])]


def written(tmp_path, content=SMALL):
    path = tmp_path / "pairs.tsv"
    path.write_text(content, encoding="utf-8")
    return str(path)


def pairs(task, batch):
    """Each example as text, without what ends the target."""
    vocabulary, source, target = task.pair_vocabulary, np.asarray(batch.inputs.source), np.asarray(batch.targets)
    lengths = np.asarray(batch.inputs.target_lengths)
    assert (target[lengths - 1, np.arange(len(lengths))] == vocabulary.end).all()
    return [
        (vocabulary.source.decode(source[:n, b]), vocabulary.target.decode(target[: lengths[b] - 1, b]))
        for b, n in enumerate(batch.lengths.tolist())
    ]


def drawn(sample, length, size=300):
    return jax.jit(sample, static_argnums=(1, 2))(jax.random.key(0), size, length)


@pytest.fixture
def small(tmp_path):
    return translation(path=written(tmp_path))


@pytest.fixture(scope="module")
def task():
    if not data.available("multi30k"):
        pytest.skip("multi30k is not on this machine")
    return translation()


def test_words_are_those_that_are_trained_on_often_enough(small):
    """In lower case, the most frequent first; `<unk>` before them, and what ends a target."""
    assert small.pair_vocabulary.source.tokens == (UNKNOWN, ".", "hund", "ein", "schläft")
    assert small.pair_vocabulary.target.tokens == (UNKNOWN, END_OF_LINE, ".", "dog", "a", "sleeps", "the")
    assert (small.vocab_size, small.output_size, small.pair_vocabulary.end) == (5, 7, 1)


def test_a_source_is_in_one_part_with_all_its_targets(small, tmp_path):
    """However it is written, too."""
    train, heldout = (set(pairs(small, drawn(sample, 9))) for sample in (small.sample, small.sample_heldout))
    tested = [pair for batch in small.test_batches(2) for pair in pairs(small, batch)]
    assert train == {
        ("ein hund <unk>.", "a dog <unk>."),
        ("ein hund schläft.", "a dog sleeps."),
        ("ein hund schläft.", "a dog <unk> <unk> <unk>"),
        ("<unk> <unk> <unk> <unk>.", "the <unk> <unk> <unk> <unk>."),
        ("<unk> hund schläft.", "the dog sleeps."),
    }
    assert heldout == {("ein <unk> <unk>.", "a <unk> <unk>.")}
    cat = "<unk> <unk> <unk>."
    assert tested == [
        ("ein <unk> <unk>.", "a <unk> <unk>."),
        (cat, "the <unk> <unk>."),
        (cat, "the <unk> <unk> <unk>."),
    ]
    read = [source for batch in small.decoding.batches(1) for source, _ in pairs(small, batch)]
    assert read == ["ein <unk> <unk>.", cat]


def test_a_pair_that_occurs_twice_is_written_to_once(tmp_path):
    """Also one of a single character, which Python has once."""
    task = translation(path=written(tmp_path, f"{SMALL}5\tx\n5\tx\n"), min_count=1)
    asked = [source for batch in task.decoding.batches(9) for source, _ in pairs(task, batch)]
    _, records = task.decoding.score([[0]] * len(asked))
    assert len(records) == len(asked) == 3
    assert records[-1]["targets"] == ["x", "x"]


def test_a_length_bounds_the_source_and_the_target(small):
    batch = drawn(small.sample, 4)
    assert {target for _, target in pairs(small, batch)} == {"a dog <unk>.", "a dog sleeps.", "the dog sleeps."}
    assert (batch.inputs.source.shape[0], len(batch.targets)) == (4, 5)
    with pytest.raises(ValueError, match=r"^length of pairs must be a whole number of at least 4, not 3\.$"):
        small.sample(jax.random.key(0), 4, 3)
    assert small.min_length == 4


def test_characters_are_kept_as_they_are(tmp_path):
    task = translation(path=written(tmp_path), unit="character")
    tested = [pair for batch in task.test_batches(9) for pair in pairs(task, batch)]
    assert tested == [(source, target) for source, targets in TESTED for target in targets]
    outputs = [task.pair_vocabulary.target.encode(text).tolist() for text in ("A child roll", "The cat is running.")]
    numbers, records = task.decoding.score(outputs)
    assert numbers == {"exact_match": 0.5, "character_error_rate": 2 / (14 + 19)}
    assert records[0] == {
        "input": "Ein Kind rollt.",
        "targets": ["A child rolls."],
        "output": "A child roll",
        "errors": 2,
        "characters": 14,
    }


def test_the_real_sentences(task):
    """The parts as they were published, in the order of their files."""
    tested = [pair for batch in task.test_batches(999) for pair in pairs(task, batch)]
    assert len(tested) == 1000
    assert tested[0] == (
        "ein mann mit einem orangefarbenen hut, der etwas <unk>.",
        "a man in an orange hat starring at something.",
    )
    assert sum(batch.inputs.source.shape[1] for batch in task.decoding.batches(128)) == 1000
    batch = drawn(task.sample, 20)
    assert (batch.inputs.source.shape[0], len(batch.targets)) == (20, 21)
    np.testing.assert_array_equal(batch.inputs.target[0], task.output_size)
    np.testing.assert_array_equal(batch.inputs.target[1:], batch.targets[:-1])
    assert (task.vocab_size, task.output_size) == (7854, 5975)


def test_references_are_the_best_translation_of_themselves(task):
    """Of the words that are known, so that it is the most that a model can reach; nothing else is lost on the way."""
    outputs = [
        np.asarray(batch.targets)[: n - 1, b].tolist()
        for batch in task.test_batches(1000)
        for b, n in enumerate(batch.inputs.target_lengths.tolist())
    ]
    numbers, records = task.decoding.score(outputs)
    assert 95 < numbers["bleu"] < 96
    # sacrebleu's smoothing and logarithms in float64.
    assert all(record["bleu"] == pytest.approx(100, abs=1e-9) for record in records if UNKNOWN not in record["output"])


def test_bleu_is_that_of_sacrebleu_over_the_whole():
    """With several references, of which some have more; the case does not matter, and `<unk>` is no word."""
    outputs = ["a child <unk> there.", "the cat is running fast."]
    numbers, records = bleu(TESTED, outputs)
    said = ["a child ⁇ there.", outputs[1]]
    references = [["a child rolls.", "the cat runs."], [None, "the cat is running."]]
    assert numbers["bleu"] == corpus_bleu(said, references).score
    assert records[1]["bleu"] == sentence_bleu(said[1], ["the cat runs.", "the cat is running."]).score
    assert [(record["input"], record["targets"]) for record in records] == TESTED
    assert records[0]["output"] == outputs[0]
    # As three tokens, `<`, `unk` and `>`, it would count for more than one.
    assert records[0]["bleu"] > sentence_bleu(outputs[0], ["a child rolls."]).score


def test_perplexity_is_that_of_all_tokens_whatever_the_batches(small):
    def score(params, batch, states):
        outputs = np.random.default_rng(0).normal(size=(9, 1, 7)).astype(np.float32)[: len(batch.targets)]
        outputs = np.broadcast_to(outputs, (*batch.targets.shape, 7))
        return {"loss": (small.losses(outputs, batch), batch.weights)}, None

    one, many = (evaluate(score, {}, small.test_batches(size), small.summary) for size in (1, 3))
    assert many["perplexity"] == pytest.approx(np.exp(one["loss"]), rel=1e-6)  # float32


def test_the_baseline_knows_the_token_before(small):
    """Counted by hand: p(b | a) = (n_ab + d_a p(b)) / (n_a + d_a) for `a <unk> <unk> .` and the end."""
    trained = (
        "a dog <unk> . E a dog sleeps . E a dog <unk> <unk> <unk> E the <unk> <unk> <unk> <unk> . E the dog sleeps . E"
    )
    tokens = ["E", *trained.split()]
    after = list(itertools.pairwise(tokens))
    N, V = len(tokens), 7

    def p(a, b):
        d_a, n_a = len({then for before, then in after if before == a}), tokens[:-1].count(a)
        return (after.count((a, b)) + d_a * (tokens.count(b) + 1) / (N + V)) / (n_a + d_a)

    wanted = ["E", "a", "<unk>", "<unk>", ".", "E"]
    expected = -np.mean([np.log(p(a, b)) for a, b in itertools.pairwise(wanted)])
    np.testing.assert_allclose(small.baseline_loss(9), expected, rtol=1e-12)  # float64


def test_what_is_padding_does_not_count(small):
    batch = next(iter(small.test_batches(9)))
    right = jax.nn.one_hot(batch.targets, small.output_size)
    assert mean_loss(small, right.at[-1, :2].multiply(-9), batch) == mean_loss(small, right, batch)


def test_its_data_are_recorded(small, task):
    assert small.data["path"].endswith("pairs.tsv")
    assert small.data["split"] == "80/5/15 by a hash of the source"
    assert task.data["corpus"] == "multi30k de-en"
    assert [name for name in task.data if name.endswith(".gz")] == [
        f"multi30k/{part}.{side}.gz" for part in ("train", "val", "test_2016_flickr") for side in ("de", "en")
    ]


def test_what_can_not_be_translated_is_refused(tmp_path):
    for content, told in (
        ("Ein Kind rollt.\ta\nEin Kind singt.\tb\n", "train on"),
        ("Ein Hund läuft.\ta\nEin Kind rollt.\tb\n", "hold out"),
        ("Ein Hund läuft.\ta\nEin Kind singt.\tb\n", "test on"),
    ):
        with pytest.raises(ValueError, match=rf"pairs\.tsv has too few pairs: of 2 there is none to {told}\.$"):
            translation(path=written(tmp_path, content), min_count=1)
    for options, message in (
        ({"unit": "syllable"}, r"^no unit named 'syllable'"),
        ({"min_count": 0}, r"^min_count must be a whole number of at least 1, not 0\.$"),
        ({"source": "nl"}, r"^no source named 'nl'"),
        ({"source": "en"}, r"^source and target are both 'en': "),
    ):
        with pytest.raises(ValueError, match=message):
            translation(**options)
    with pytest.raises(
        ValueError, match=r"^min_count = 9 leaves no word of the sources of .*pairs\.tsv to train on\.$"
    ):
        translation(path=written(tmp_path), min_count=9)
    with pytest.raises(data.DataError, match=r"^line 2 of .*pairs\.tsv has 1 columns and not 2: "):
        translation(path=written(tmp_path, "a\tb\nc\n"))
