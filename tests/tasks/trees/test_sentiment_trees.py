"""Sentiment trees: what a batch holds is what the files say, and the floors are those of the published splits."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx import data
from rnnx.data.sst import parse
from rnnx.tasks._words import part_of
from rnnx.tasks.trees.sentiment_trees import sentiment_trees
from rnnx.training.program import mean_loss, mean_scores


@pytest.fixture(scope="module")
def bank():
    if not data.available("sst"):
        pytest.skip("sst is neither in RNNX_DATA_DIR nor in the cache")
    return data.get("sst")()


@pytest.fixture(scope="module")
def whole(bank):
    """The whole test split of five classes, in one batch."""
    (batch,) = sentiment_trees().test_batches(10_000)
    return batch


def shapes(trees):
    """Trees by all that a batch says of them, but the words."""
    return Counter((tree.children, tree.labels) for tree in trees)


def drawn(batch):
    children, targets = np.asarray(batch.inputs.children), np.asarray(batch.targets)
    return Counter(
        (tuple(map(tuple, children[:n, b].tolist())), tuple(targets[:n, b].tolist()))
        for b, n in enumerate(batch.lengths.tolist())
    )


def test_the_test_split_is_that_of_the_files_in_their_order(bank, whole):
    assert list(drawn(whole)) == list(shapes(bank.test))
    assert drawn(whole) == shapes(bank.test)
    assert whole.weights.sum() == 82_600
    past = np.arange(111)[:, None] >= np.asarray(whole.lengths)
    assert not np.any(np.asarray(whole.weights)[past])
    assert np.all(np.asarray(whole.inputs.children)[past] == -1)


def test_words_are_those_that_occur_twice_in_training(bank, whole):
    """One number a word; 0 for all others, and at inner nodes, where the model does not look."""
    counts = Counter(word for tree in bank.train for word in tree.words if word)
    codes = {}
    for b, tree in enumerate(bank.test):
        for word, code in zip(tree.words, whole.inputs.words[: len(tree.words), b].tolist(), strict=True):
            assert codes.setdefault(word, code) == code
    known = {word for word in codes if word and counts[word] > 1}
    assert {word for word, code in codes.items() if code} == known
    assert len({codes[word] for word in known}) == len(known)
    assert sentiment_trees().vocab_size == 1 + sum(count > 1 for count in counts.values())


@pytest.mark.parametrize(("sample", "part"), [("sample", "train"), ("sample_heldout", "dev")])
def test_samples_are_trees_of_their_split_no_larger_than_asked(bank, sample, part):
    batch = getattr(sentiment_trees(), sample)(jax.random.key(0), 300, 21)
    assert batch.weights.shape == (21, 300)
    assert set(drawn(batch)) <= set(shapes(getattr(bank, part)))
    assert batch.lengths.max() == 21
    with pytest.raises(ValueError, match=r"^length of trees must be a whole number of at least 3, not 2\.$"):
        getattr(sentiment_trees(), sample)(jax.random.key(0), 300, 2)


@pytest.mark.parametrize("classes", [5, 3, 2])
def test_the_baseline_is_that_of_one_who_knows_the_frequencies(bank, classes):
    label_class = {5: [0, 1, 2, 3, 4], 3: [0, 0, 1, 2, 2], 2: [0, 0, None, 1, 1]}[classes]

    def frequencies(trees):
        of = Counter(label_class[n] for tree in trees if label_class[tree.labels[-1]] is not None for n in tree.labels)
        of.pop(None, None)
        return np.array([of[c] for c in range(classes)]) / of.total()

    expected = -np.sum(frequencies(bank.dev) * np.log(frequencies(bank.train)))
    np.testing.assert_allclose(sentiment_trees(classes=classes).baseline_loss(9), expected, rtol=1e-12)


def test_the_floors_of_one_who_has_not_read_the_sentence(whole):
    """Published as 68.5 % of nodes, all neutral; positive, as most roots in training, is right at 23.1 % of roots."""
    score = jax.jit(lambda outputs: mean_scores(sentiment_trees(), outputs, whole))
    scores = [{name: float(value) for name, value in score(says(label, whole)).items()} for label in range(5)]
    np.testing.assert_allclose(scores[2]["accuracy"], 0.6846, atol=5e-5)  # to the digits given
    np.testing.assert_allclose([s["root"] for s in scores], np.array([279, 633, 389, 510, 399]) / 2210, rtol=1e-6)
    np.testing.assert_allclose(scores[3]["binary_root"], 909 / 1821, rtol=1e-6)


def says(label, batch, classes=5):
    return np.broadcast_to(np.eye(classes, dtype=np.float32)[label], (*batch.weights.shape, classes))


def test_binary_scores_of_five_classes_add_up_probabilities(whole):
    """p = .3, .1 | .4 | 0, .2: neutral is most likely of five, very negative of the others, and negative of two."""

    @jax.jit
    def binary_root(p):
        outputs = jnp.broadcast_to(jnp.log(p), (*whole.weights.shape, 5))
        return mean_scores(sentiment_trees(), outputs, whole)["binary_root"]

    assert binary_root(np.float32([0.3, 0.1, 0.4, 1e-9, 0.2])) == np.float32(912 / 1821)
    other = binary_root(np.float32([0.3, 1e-9, 0.3, 0.2, 0.2]))  # .3 against .2 + .2
    np.testing.assert_allclose(other, 909 / 1821, rtol=1e-6)


def test_of_two_classes_neutral_nodes_are_not_scored_and_neutral_sentences_left_out(bank):
    task = sentiment_trees(classes=2)
    batches = [jax.tree.map(np.asarray, batch) for batch in task.test_batches(500)]
    assert sum(len(batch.lengths) for batch in batches) == 1821
    polar = Counter(n > 2 for tree in bank.test if tree.labels[-1] != 2 for n in tree.labels if n != 2)
    assert sum(float(batch.weights.sum()) for batch in batches) == polar.total()
    assert sum(int(batch.targets[batch.weights > 0].sum()) for batch in batches) == polar[True]
    batch = task.sample(jax.random.key(0), 50, 41)
    root = np.asarray(batch.lengths) - 1
    assert np.all(np.asarray(batch.weights)[root, np.arange(50)] == 1)
    outputs = np.random.default_rng(1).standard_normal((*batch.weights.shape, 2), dtype=np.float32)
    scores = jax.jit(lambda outputs: mean_scores(task, outputs, batch))(outputs)
    assert (scores["binary"], scores["binary_root"]) == (scores["accuracy"], scores["root"])


def test_of_three_classes_neutral_does_not_count_against_either(bank):
    task = sentiment_trees(classes=3)
    batch = task.sample(jax.random.key(0), 50, 41)
    ones = np.eye(3, dtype=np.float32)
    scores = jax.jit(lambda outputs: mean_scores(task, outputs, batch))(5 * ones[1] + ones[np.asarray(batch.targets)])
    assert scores["binary"] == scores["binary_root"] == 1
    assert scores["accuracy"] < 1


def test_a_split_scores_the_same_in_batches_of_any_size(bank, whole):
    """Sums over positions, divided once: what is between is not divided by the number of batches."""
    task = sentiment_trees()

    def outputs(batch):
        return jnp.sin(jnp.arange(5.0) * (1.0 + batch.inputs.words[..., None].astype(float)))

    @jax.jit
    def sums(batch):
        scores = {"loss": (task.losses(outputs(batch), batch), batch.weights), **task.scores(outputs(batch), batch)}
        return {name: (jnp.sum(weights * values), jnp.sum(weights)) for name, (values, weights) in scores.items()}

    def summed(batches):
        total = {}
        for batch in batches:
            for name, of_batch in sums(batch).items():
                total[name] = total.get(name, np.zeros(2)) + np.array(of_batch, float)
        return {name: value / weight for name, (value, weight) in total.items()}

    @jax.jit
    def means(batch):
        return {"loss": mean_loss(task, outputs(batch), batch), **mean_scores(task, outputs(batch), batch)}

    once = means(whole)
    for name, value in summed(task.test_batches(700)).items():
        np.testing.assert_allclose(value, once[name], rtol=1e-5)  # float32 sums of 8e4 numbers


def test_another_number_of_classes_is_refused():
    with pytest.raises(ValueError, match=r"^classes must be 5, 3 or 2, not 4\.$"):
        sentiment_trees(classes=4)


def test_the_files_are_recorded(bank):
    files = {s.path: s.sha256 for s in data.sources("sst")}
    repeated = {"also in training": "2 held out, 2 tested on"}
    assert sentiment_trees().data == {"treebank": "sst", **files, **repeated}
    trained = {tree.words for tree in bank.train}
    assert [sum(tree.words in trained for tree in part) for part in (bank.dev, bank.test)] == [2, 2]


OWN = "".join(f"({n % 5} ({n % 3} ({n % 5} It) (2 is)) ({n % 4} {n}))\n" for n in range(60)) + "(4 Great)\n(0 Awful)\n"


def test_a_treebank_of_ones_own(tmp_path):
    """Every tree in one of the parts; leaves alone are trees too; the unknown word is what occurs once in training."""
    path = tmp_path / "mine.txt"
    path.write_text(OWN)
    task = sentiment_trees(path=str(path))
    assert task.vocab_size == 3
    assert task.example(task.read("((It is) Great)")).data["words"] == ["It", "is", "", "<unk>", ""]
    (tested,) = task.test_batches(100)
    lines = [line for line in OWN.splitlines() if part_of(" ".join(filter(None, parse(line).words))) == 0]
    assert drawn(jax.device_get(tested)) == shapes(map(parse, lines))
    path.write_text("(4 Great)\n")
    with pytest.raises(ValueError, match=r"^.*mine\.txt has too few trees: there is none to .*\.$"):
        sentiment_trees(path=str(path))
    path.write_text("(4 Great\n")
    with pytest.raises(data.DataError, match=r"^line 1 of .*mine\.txt is no tree: character 8: 1 brackets are not"):
        sentiment_trees(path=str(path))


def test_a_tree_is_read_as_those_of_the_task(bank):
    """With its labels and without; words that there are not are unknown."""
    task = sentiment_trees()
    batch = task.read("((very good) Qwertyuiop)")
    shown = task.example(batch)
    assert shown.data["words"] == ["very", "good", "", "<unk>", ""]
    assert shown.data["children"] == [[-1, -1], [-1, -1], [0, 1], [-1, -1], [2, 3]]
    assert batch.lengths.tolist() == [5]
    again = task.read("(4 (4 (2 very) (3 good)) (2 Qwertyuiop))")
    np.testing.assert_array_equal(again.inputs.words, batch.inputs.words)
    with pytest.raises(ValueError, match=r"^character \d+: there are 2 trees"):
        task.read("very good")
