"""Sentiment at every node of the parse tree of a sentence of a film review: the Stanford Sentiment Treebank.

    (3 (2 and) (4 (2 so) (4 good)))        0 very negative, 1, 2 neutral, 3, 4 very positive

Scored at all nodes, leaves too, as in Socher et al. 2013; cross-entropy. Trained on the 8544 trees of the training
split, with the 1101 for development held out and 2210 to test on. Four dev and test sentences stand in train too, as
published. A word that occurs once in the training split is the unknown word, as are those that do not occur in it: so
the unknown word too has a vector that is learnt. Capitals are kept.

What to beat on the test split: neutral for every node is right at 68.5 % of them; positive, the label of most roots in
training, is right at 23.1 % of roots, and no label at more than 28.6 %. Published (recursive network, RNTN): 79.0 and
80.7 % of all nodes, 43.2 and 45.7 % of roots.
"""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, data, examples
from rnnx.data.sst import LabelledTree, parse_any, read_treebank
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.tasks._sentiment import CLASSES, NAMES, SIGNS, polarity
from rnnx.tasks._words import PARTS, Words, part_of
from rnnx.types import Array, Batch, Example, Nodes, Scores, Task


def sentiment_trees(*, classes: int = 5, path: str = "") -> Task:
    """Sentiment at every node of a binary tree.

    Inputs are `Nodes` `[N, B]` in post-order, words below V; `lengths` are numbers of nodes, so that the root is at
    `lengths - 1`; targets `[N, B]`; weights 1 at the nodes that are scored; outputs logits `[N, B, classes]`. `length`
    is a number of nodes, of which a tree of n words has 2 n - 1: trees of more are not drawn, and N is `length`, but at
    most 103, the largest tree. 63 are enough for nine trees of ten. `test_batches` has all trees of the test split.

    Scores: `accuracy` at all nodes that are scored, `root` at roots; `binary` and `binary_root` the same for positive
    against negative, where the label is one of these. How is told by `classes`; papers have all three:

    - 5: the probability of labels 3 and 4 against that of 0 and 1;
    - 3, negative, neutral and positive: positive against negative (Tai, Socher & Manning 2015);
    - 2, negative and positive: neutral nodes are not scored, and trees with a neutral root are left out, of each split:
      6920, 872 and 1821 remain.

    The baseline is the cross-entropy at held-out nodes of one who knows how often each class occurs in training.

    Args:
      classes: 5, 3 or 2 kinds of sentiment.
      path: a treebank of one's own in the form of `sst`, a tree a line, to take instead; 80 % of its trees are trained
        on, 10 % held out and 10 % tested on, by a hash of the sentence. Relative to the working directory, `~` is the
        home directory.

    Raises:
      rnnx.data.DataError: the treebank can't be had, or a line of one's own is no tree.
      ValueError: another number of classes; a treebank without a tree in one of the parts; from `sample`, a length
        below that of the smallest tree.

    >>> import jax
    >>> batch = sentiment_trees().sample(jax.random.key(0), 4, 21)  # doctest: +SKIP
    >>> batch.inputs.children.shape, int(batch.lengths.max())  # doctest: +SKIP
    ((21, 4, 2), 21)
    """
    if classes not in CLASSES:
        raise ValueError(f"classes must be 5, 3 or 2, not {classes!r}.")
    bank = _own(path, classes) if path else _sst(classes)

    def sampler(part: _Part) -> Callable[[Array, int, int], Batch]:
        arrays = jax.tree.map(jnp.asarray, part)

        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            checks.size("length of trees", length, least=int(part.lengths.min()))
            small_enough = jnp.asarray(np.flatnonzero(part.lengths <= length))
            return _batch(arrays, jax.random.choice(key, small_enough, (batch_size,)), length)

        return sample

    def test_batches(batch_size: int) -> Iterator[Batch]:
        checks.size("batch_size", batch_size)
        size = len(bank.test.lengths)
        return (_batch(bank.test, np.arange(n, min(n + batch_size, size))) for n in range(0, size, batch_size))

    def read(text: str) -> Batch:
        return _batch(_part((parse_any(text),), bank.words, CLASSES[5]), np.arange(1))

    def example(batch: Batch) -> Example:
        assert batch.lengths is not None
        words, children, targets, scored = (
            np.asarray(of)[: int(batch.lengths[0]), 0] for of in (*batch.inputs, batch.targets, batch.weights)
        )
        at_nodes = zip(words, children[:, 0] < 0, strict=True)
        shown = [bank.words.words[word] if leaf else "" for word, leaf in at_nodes]
        return examples.tree(shown, children, np.where(scored > 0, targets, -1), SIGNS[classes])

    def scores(outputs: Array, batch: Batch) -> Scores:
        right = accuracy(outputs, batch)
        assert batch.lengths is not None
        is_root = jnp.arange(len(right))[:, None] == batch.lengths - 1
        right_polarity, is_polar = polarity(outputs, batch.targets)
        return {
            "accuracy": (right, batch.weights),
            "root": (right, jnp.where(is_root, batch.weights, 0)),
            "binary": (right_polarity, jnp.where(is_polar, batch.weights, 0)),
            "binary_root": (right_polarity, jnp.where(is_polar & is_root, batch.weights, 0)),
        }

    return Task(
        sample=sampler(bank.train),
        sample_heldout=sampler(bank.dev),
        losses=cross_entropy,
        scores=scores,
        baseline_loss=lambda length: bank.baseline_loss,
        input_size=len(bank.words.words),
        output_size=classes,
        vocab_size=len(bank.words.words),
        loss_unit="cross-entropy (nats per node)",
        min_length=max(int(part.lengths.min()) for part in (bank.train, bank.dev)),
        data=bank.data,
        test_batches=test_batches,
        model="recursive",
        example=example,
        read=read,
        classes=NAMES[classes],
    )


class _Part(NamedTuple):
    """All trees of a split, padded to the largest."""

    words: Array | np.ndarray  # [trees, N]
    children: Array | np.ndarray  # [trees, N, 2]
    targets: Array | np.ndarray  # [trees, N], -1 where nothing is scored
    lengths: Array | np.ndarray  # [trees]


class _Bank(NamedTuple):
    train: _Part
    dev: _Part
    test: _Part
    words: Words
    baseline_loss: float
    data: dict[str, str]


def _batch(part: _Part, trees: Array | np.ndarray, width: int | None = None) -> Batch:
    words, children, targets = (jnp.swapaxes(a[trees][:, :width], 0, 1).astype(jnp.int32) for a in part[:3])
    lengths = jnp.asarray(part.lengths[trees], jnp.int32)
    return Batch(Nodes(words, children), jnp.maximum(targets, 0), (targets >= 0).astype(jnp.float32), lengths)


@functools.lru_cache(maxsize=len(CLASSES))
def _sst(classes: int) -> _Bank:
    bank = data.get("sst")()
    return _bank((bank.train, bank.dev, bank.test), classes, {"treebank": "sst"} | bank.sha256)


def _own(path: str, classes: int) -> _Bank:
    trees, sha256 = read_treebank(path)
    tenths = [part_of(" ".join(_sentence(tree))) for tree in trees]
    train, dev, test = (
        tuple(tree for tree, tenth in zip(trees, tenths, strict=True) if tenth in of)
        for of in (range(2, PARTS), range(1, 2), range(1))
    )
    origin = {"treebank": path, "split": "80/10/10 by a hash of the sentence"}
    return _bank((train, dev, test), classes, origin | sha256)


def _bank(parts: tuple[tuple[LabelledTree, ...], ...], classes: int, origin: dict[str, str]) -> _Bank:
    to_class = CLASSES[classes]
    kept = [tuple(tree for tree in trees if to_class[tree.labels[-1]] >= 0) for trees in parts]
    for trees, said in zip(kept, ("train on", "hold out", "test on"), strict=True):
        if not trees:
            raise ValueError(f"{origin['treebank']} has too few trees: there is none to {said}.")
    words = Words.occurring_twice(map(_sentence, parts[0]))
    train, dev, test = (_part(trees, words, to_class) for trees in kept)
    in_train, in_dev = (np.bincount(part.targets[part.targets >= 0], minlength=classes) for part in (train, dev))
    in_train = np.maximum(in_train, 1)  # of a small treebank a class may not occur there
    baseline = -np.log(in_train / in_train.sum()) @ in_dev / in_dev.sum()
    trained = set(map(_sentence, kept[0]))
    again = [sum(_sentence(tree) in trained for tree in trees) for trees in kept[1:]]
    repeated = {"also in training": f"{again[0]} held out, {again[1]} tested on"}
    return _Bank(train, dev, test, words, float(baseline), origin | repeated)


def _sentence(tree: LabelledTree) -> tuple[str, ...]:
    return tuple(word for word in tree.words if word)


def _part(trees: tuple[LabelledTree, ...], vocabulary: Words, to_class: tuple[int, ...]) -> _Part:
    words, lengths = vocabulary.padded([tree.words for tree in trees])
    children, targets = np.full((*words.shape, 2), -1, np.int16), np.full(words.shape, -1, np.int8)
    for n, (tree, length) in enumerate(zip(trees, lengths, strict=True)):
        children[n, :length] = tree.children
        targets[n, :length] = [to_class[label] for label in tree.labels]
    return _Part(words, children, targets, lengths)
