"""Sentences by class: what a batch holds is what the files say, and the floors are those of the published splits."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx import data, examples
from rnnx.tasks._words import part_of, words_of
from rnnx.tasks.language.sentiment import sentiment
from rnnx.training.program import applying, mean_loss, mean_scores, split
from tests.helpers import compiled
from tests.variants import slow_unless


def at_hand(name):
    if not data.available(name):
        pytest.skip(f"{name} is neither in RNNX_DATA_DIR nor in the cache")
    return data.get(name)()


@pytest.fixture(scope="module")
def bank():
    return at_hand("sst")


def sentences(trees, kept=lambda label: True):
    """Words and label of each sentence."""
    return [(tuple(filter(None, tree.words)), tree.labels[-1]) for tree in trees if kept(tree.labels[-1])]


def said(task, batch):
    """Words, by the task's own example, and class, of each sentence."""
    found, batch = [], jax.device_get(batch)
    for b in range(len(batch.lengths)):
        one = batch._replace(inputs=batch.inputs[:, b:], targets=batch.targets[:, b:], lengths=batch.lengths[b:])
        shown = examples.first(task, one)
        found.append((tuple(piece.removeprefix(" ") for piece in shown.data["pieces"]), shown.data["target"]))
    return found


def known(trees, trained):
    """Sentences and their labels, with what does not occur twice in the training trees unknown."""
    counts = Counter(word for tree in trained for word in tree.words)
    return [
        (tuple(word if counts[word] > 1 else "<unk>" for word in words), label) for words, label in sentences(trees)
    ]


def test_the_test_split_is_that_of_the_files_in_their_order(bank):
    task = sentiment()
    batches = list(task.test_batches(1000))
    expected = [(words, task.classes[label]) for words, label in known(bank.test, bank.train)]
    assert [one for batch in batches[2:] for one in said(task, batch)] == expected[2000:]
    assert sum(len(batch.lengths) for batch in batches) == 2210
    assert np.concatenate([batch.targets[0] for batch in batches]).tolist() == [
        label for _, label in sentences(bank.test)
    ]
    for batch in batches:  # one scored position, the last word
        np.testing.assert_array_equal(np.argmax(batch.weights, axis=0), batch.lengths - 1)
        np.testing.assert_array_equal(np.sum(batch.weights, axis=0), 1)


@pytest.mark.parametrize(("sample", "part"), [("sample", "train"), ("sample_heldout", "dev")])
def test_samples_are_sentences_of_their_split_no_longer_than_asked(bank, sample, part):
    task = sentiment()
    batch = jax.device_get(compiled.sample(getattr(task, sample), jax.random.key(0), 60, 20))
    of_part = {(words, task.classes[label]) for words, label in known(getattr(bank, part), bank.train)}
    assert set(said(task, batch)) <= of_part
    assert batch.lengths.max() <= 20
    with pytest.raises(ValueError, match=r"^length of sentences must be a whole number of at least 2, not 1\.$"):
        getattr(task, sample)(jax.random.key(0), 60, 1)


def test_phrases_are_all_nodes_of_the_training_trees_and_nothing_else(bank):
    """318,582 of them; what is held out and tested on are sentences."""
    task = sentiment(phrases=True)
    words = set()
    of_trees = set()
    for tree in bank.train:
        spoken = []
        for word, (left, right), label in zip(tree.words, tree.children, tree.labels, strict=True):
            spoken.append((word,) if left < 0 else spoken[left] + spoken[right])
            if len(spoken[-1]) <= 3:
                of_trees.add((spoken[-1], task.classes[label]))
        words.update(filter(None, tree.words))
    found = said(task, jax.device_get(compiled.sample(task.sample, jax.random.key(0), 60, 3)))
    assert {phrase for phrase in found if "<unk>" not in phrase[0]} <= of_trees
    assert {len(phrase) for phrase, _ in found} == {1, 2, 3}
    assert sum(len(batch.lengths) for batch in task.test_batches(1000)) == 2210
    assert compiled.sample(task.sample_heldout, jax.random.key(0), 50, 40).lengths.min() >= 2


@pytest.mark.parametrize(
    ("classes", "sizes"),
    slow_unless(lambda classes, sizes: classes == 2, [(3, (8544, 1101, 2210)), (2, (6920, 872, 1821))]),
)
def test_of_fewer_classes_labels_are_joined_or_left_out(bank, classes, sizes):
    task = sentiment(classes=classes)
    joined = {3: ["negative", "negative", "neutral", "positive", "positive"]}
    joined[2] = ["negative", "negative", None, "positive", "positive"]
    kept = [sentences(part, lambda label: joined[classes][label]) for part in (bank.train, bank.dev, bank.test)]
    assert tuple(map(len, kept)) == sizes
    (batch,) = task.test_batches(3000)
    assert [task.classes[n] for n in batch.targets[0]] == [joined[classes][label] for _, label in kept[2]]
    counts = Counter(joined[classes][label] for _, label in kept[0])
    p = [(1 + counts[name]) / (counts.total() + classes) for name in task.classes]
    of_dev = [p[task.classes.index(joined[classes][label])] for _, label in kept[1]]
    np.testing.assert_allclose(task.baseline_loss(9), -np.mean(np.log(of_dev)), rtol=1e-12)


def test_the_floors_of_one_who_has_not_read_the_sentence(bank):
    """Published as 23.1 % for the commonest class in training, 28.6 % for the luckiest; 50.1 % of two classes."""
    (whole,) = sentiment().test_batches(3000)
    score = jax.jit(lambda outputs: mean_scores(sentiment(), outputs, whole))

    def says(p):
        return np.broadcast_to(np.log(np.float32(p)), (*whole.weights.shape, 5))

    scores = [score(says(0.1 + np.eye(5)[label])) for label in range(5)]
    counts = np.array([279, 633, 389, 510, 399])
    np.testing.assert_allclose([s["accuracy"] for s in scores], counts / 2210, rtol=1e-6)
    np.testing.assert_allclose(scores[0]["binary"], 912 / 1821, rtol=1e-6)
    # Neutral alone is likeliest; negative together has more than positive.
    np.testing.assert_allclose(score(says([0.2, 0.15, 0.4, 0.2, 0.05]))["binary"], 912 / 1821, rtol=1e-6)


def test_sentences_that_stand_in_training_too_are_counted(bank):
    trained = {words for words, _ in sentences(bank.train)}
    again = [sum(words in trained for words, _ in sentences(part)) for part in (bank.dev, bank.test)]
    assert again == [2, 2]
    assert sentiment().data["also in training"] == "2 held out, 2 tested on"
    at_hand("trec")
    assert sentiment(data="trec").data["also in training"] == "0 held out, 10 tested on"


def test_every_review_is_tested_on_in_one_fold_and_held_out_in_another():
    reviews = at_hand("mr")
    folds = [part_of(text) for text, _ in reviews.train]
    fold = 9
    task = sentiment(data="mr", fold=fold)
    (batch,) = task.test_batches(2000)
    assert len(batch.lengths) == folds.count(fold)
    found = [task.classes[n] for n in batch.targets[0]]
    assert found == [label for (_, label), of in zip(reviews.train, folds, strict=True) if of == fold]
    assert task.data["also in training"] == "0 held out, 0 tested on"
    assert set(folds) == set(range(10))


@pytest.mark.parametrize("classes", [6, 50])
def test_questions_are_of_six_classes_or_fifty(classes):
    questions = at_hand("trec")
    task = sentiment(data="trec", classes=classes)
    (batch,) = task.test_batches(500)
    labels = [label if classes == 50 else label.partition(":")[0] for _, label in questions.test]
    assert [task.classes[n] for n in batch.targets[0]] == labels
    assert len(task.classes) == task.output_size == classes


@pytest.fixture
def own(tmp_path):
    """Fifty sentences whose last word tells the class."""
    path = tmp_path / "mine.tsv"
    path.write_text("".join(f"It isn't no. {n}: {w}\t{w}\n" for n in range(25) for w in ("good", "bad")))
    return path


def test_sentences_of_ones_own(own):
    task = sentiment(path=str(own))
    assert task.classes == ("bad", "good")
    batch = compiled.sample(task.sample, jax.random.key(0), 20, 12)
    for words, target in said(task, jax.device_get(batch)):
        assert words[:4] == ("It", "is", "n't", "no")
        assert words[-1] == target
    (tested,) = task.test_batches(100)
    assert len(tested.lengths) == sum(part_of(line.partition("\t")[0]) == 0 for line in own.read_text().splitlines())
    for option, value in (("classes", 2), ("phrases", True)):
        with pytest.raises(ValueError, match=rf"^{option} must be left out for .*mine.tsv, which has no choice of it"):
            sentiment(path=str(own), **{option: value})
    own.write_text("a\tx\nb\ty\n")
    with pytest.raises(ValueError, match=r"^.*mine\.tsv has too few texts: there is none to .*\.$"):
        sentiment(path=str(own))


def test_a_file_of_ones_own_may_have_the_name_of_a_data_set(own, monkeypatch):
    """Its texts are taken apart all the same."""
    monkeypatch.chdir(own.parent)
    own.rename("trec")
    task = sentiment(path="trec")
    assert task.data["path"] == "trec"
    batch = compiled.sample(task.sample, jax.random.key(0), 1, 12)
    assert said(task, batch)[0][0][:4] == ("It", "is", "n't", "no")


def test_a_text_is_read_as_those_of_the_task(own):
    task = sentiment(path=str(own))
    batch = task.read("It isn\N{RIGHT SINGLE QUOTATION MARK}t  good!")
    assert said(task, batch)[0][0] == ("It", "is", "n't", "good", "<unk>")
    assert batch.weights[:, 0].tolist() == [0, 0, 0, 0, 1]
    with pytest.raises(ValueError, match=r"^there are no words in it\.$"):
        task.read(" \n")


def test_sentences_of_the_treebank_are_taken_apart_as_it_has_them(bank):
    """Written with spaces between all words they stay what they are; and written as people do, nearly always."""
    trained = {word for words, _ in sentences(bank.train) for word in words}
    for words, _ in sentences(bank.dev):
        if not any("\u00a0" in word for word in words):
            assert words_of(" ".join(words), trained | set(words)) == words
    usual = "It's not the ultimate Depression-era gangster movie, but they don't care (much)."
    expected = "It 's not the ultimate Depression-era gangster movie , but they do n't care ( much ) ."
    assert words_of(usual, trained) == tuple(expected.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "imdb"}, r"no data named 'imdb'. Known: mr, sst, trec\."),
        ({"classes": 4}, r"classes must be 5 or 3 or 2 of sst, not 4\."),
        ({"fold": 3}, r"fold must be left out for sst, which has no choice of it, not 3\."),
        ({"data": "mr", "phrases": True}, r"phrases must be left out for mr, .*"),
        ({"data": "mr", "fold": 10}, r"fold must be a whole number below 10, not 10\."),
    ],
)
def test_what_there_is_not_is_refused_in_one_line(bank, options, message):
    if options.get("data") == "mr":
        at_hand("mr")
    with pytest.raises(ValueError, match=f"^{message}$"):
        sentiment(**options)


def test_padding_and_the_size_of_a_batch_change_nothing(own):
    """Loss and gradient of a batch are those of its sentences one by one, whatever is behind their ends."""
    task = sentiment(path=str(own))
    own.unlink()
    apply = applying(lambda *, rngs: rnnx.models.get("sequence")(rnnx.gru(3), task, rngs=rngs))
    params = split(lambda *, rngs: rnnx.models.get("sequence")(rnnx.gru(3), task, rngs=rngs), jax.random.key(0))[1]
    texts = [task.read(text) for text in ("good", "It isn't good", "bad, bad: good")]
    widest = max(len(batch.inputs) for batch in texts)

    def padded(batch):
        def wider(a, value):
            return jnp.pad(a, ((0, widest - len(a)), (0, 0)), constant_values=value)

        inputs, targets, weights = wider(batch.inputs, 2), wider(batch.targets, 1), wider(batch.weights, 0)
        return batch._replace(inputs=inputs, targets=targets, weights=weights)

    def loss(params, batch):
        return mean_loss(task, apply(params, batch, rnnx.plain_run), batch)

    together = jax.tree.map(lambda *a: jnp.concatenate(a, axis=-1), *map(padded, texts))
    found = jax.jit(jax.value_and_grad(loss))(params, together)
    one_by_one = [jax.jit(jax.value_and_grad(loss))(params, batch) for batch in texts]
    mean = jax.tree.map(lambda *a: sum(a) / len(a), *one_by_one)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(mean), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)  # float32, some dozens of roundings
