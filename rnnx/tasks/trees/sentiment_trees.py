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
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from rnnx import checks, data, examples
from rnnx.data.sst import LabelledTree
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Example, Nodes, Scores, Task
from rnnx.vocabulary import UNKNOWN

# The class of each of the five labels, by number of classes; -1 where it is not scored.
_CLASSES = {5: (0, 1, 2, 3, 4), 3: (0, 0, 1, 2, 2), 2: (0, 0, -1, 1, 1)}
_UNKNOWN = 0


def sentiment_trees(*, classes: int = 5) -> Task:
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

    Raises:
      rnnx.data.DataError: the treebank can't be had.
      ValueError: another number of classes; from `sample`, a length below 3, that of two words and their parent.

    >>> import jax
    >>> batch = sentiment_trees().sample(jax.random.key(0), 4, 21)  # doctest: +SKIP
    >>> batch.inputs.children.shape, int(batch.lengths.max())  # doctest: +SKIP
    ((21, 4, 2), 21)
    """
    if classes not in _CLASSES:
        raise ValueError(f"classes must be 5, 3 or 2, not {classes!r}.")
    bank = _encoded(classes)
    neutral = (classes - 1) / 2  # of two classes, none is
    negative, positive = np.arange(classes) < neutral, np.arange(classes) > neutral

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

    def example(batch: Batch) -> Example:
        assert batch.lengths is not None
        words, children = (np.asarray(of)[: int(batch.lengths[0]), 0] for of in batch.inputs)
        at_nodes = zip(words, children[:, 0] < 0, strict=True)
        return examples.tree([bank.words[word] if leaf else "" for word, leaf in at_nodes], children)

    def scores(outputs: Array, batch: Batch) -> Scores:
        right = accuracy(outputs, batch)
        assert batch.lengths is not None
        is_root = jnp.arange(len(right))[:, None] == batch.lengths - 1
        is_positive = jnp.asarray(positive)[batch.targets]
        is_polar = is_positive | jnp.asarray(negative)[batch.targets]
        says_positive = logsumexp(outputs[..., positive], axis=-1) > logsumexp(outputs[..., negative], axis=-1)
        right_polarity = (says_positive == is_positive).astype(right.dtype)
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
        input_size=len(bank.words),
        output_size=classes,
        vocab_size=len(bank.words),
        loss_unit="cross-entropy (nats per node)",
        min_length=max(int(part.lengths.min()) for part in (bank.train, bank.dev)),
        data={"treebank": "sst"} | bank.sha256,
        test_batches=test_batches,
        model="recursive",
        example=example,
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
    words: tuple[str, ...]  # V of them, in the order of their numbers
    baseline_loss: float
    sha256: dict[str, str]


def _batch(part: _Part, trees: Array | np.ndarray, width: int | None = None) -> Batch:
    words, children, targets = (jnp.swapaxes(a[trees][:, :width], 0, 1).astype(jnp.int32) for a in part[:3])
    lengths = jnp.asarray(part.lengths[trees], jnp.int32)
    return Batch(Nodes(words, children), jnp.maximum(targets, 0), (targets >= 0).astype(jnp.float32), lengths)


@functools.lru_cache(maxsize=len(_CLASSES))
def _encoded(classes: int) -> _Bank:
    bank = data.get("sst")()
    counts = Counter(word for tree in bank.train for word in tree.words if word)
    frequent = sorted(word for word, count in counts.items() if count > 1)
    vocabulary = {word: n for n, word in enumerate(frequent, start=_UNKNOWN + 1)}
    train, dev, test = (_part(trees, vocabulary, _CLASSES[classes]) for trees in (bank.train, bank.dev, bank.test))
    in_train, in_dev = (np.bincount(part.targets[part.targets >= 0], minlength=classes) for part in (train, dev))
    baseline = -np.log(in_train / in_train.sum()) @ in_dev / in_dev.sum()
    return _Bank(train, dev, test, (UNKNOWN, *vocabulary), float(baseline), bank.sha256)


def _part(trees: tuple[LabelledTree, ...], vocabulary: dict[str, int], to_class: tuple[int, ...]) -> _Part:
    trees = tuple(tree for tree in trees if to_class[tree.labels[-1]] >= 0)
    lengths = np.array([len(tree.words) for tree in trees])
    shape = len(trees), lengths.max()
    words, children, targets = np.zeros(shape, np.int16), np.full((*shape, 2), -1, np.int8), np.full(shape, -1, np.int8)
    for n, (tree, length) in enumerate(zip(trees, lengths, strict=True)):
        words[n, :length] = [vocabulary.get(word, _UNKNOWN) for word in tree.words]
        children[n, :length] = tree.children
        targets[n, :length] = [to_class[label] for label in tree.labels]
    return _Part(words, children, targets, lengths)
