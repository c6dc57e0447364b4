"""Sentences with their classes as arrays: of a treebank, of published data, of a file of one's own."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnnx import data
from rnnx.data._labelled import LabelledTexts
from rnnx.data.sst import LabelledTree
from rnnx.tasks import _sentiment
from rnnx.tasks._words import PARTS, Words, part_of, words_of

CLASSES = {"sst": (5, 3, 2), "mr": (2,), "trec": (6, 50)}
"""How many classes each data set may have, the usual number first."""


class Spans(NamedTuple):
    """What is an example: so many words of a text, from a word on, and the class of these."""

    text: np.ndarray  # [examples]
    start: np.ndarray
    length: np.ndarray
    target: np.ndarray


class Part(NamedTuple):
    """Texts as numbers of words, and the examples in them."""

    texts: np.ndarray  # [texts, words]
    spans: Spans


class Sentences(NamedTuple):
    """All that a task of sentences stands on."""

    parts: dict[str, Part]  # train, heldout, test
    words: Words
    names: tuple[str, ...]
    baseline_loss: float
    data: dict[str, str]


Span = tuple[int, int, int]
"""(first word, how many, class) of an example in a text."""
Spoken = tuple[tuple[str, ...], list[Span]]
"""The words of a text, and the examples in it, of which the last one is the whole."""


def _made(parts: dict[str, list[Spoken]], names: tuple[str, ...], of: str, origin: dict[str, str]) -> Sentences:
    for name, said in (("train", "train on"), ("heldout", "hold out"), ("test", "test on")):
        if not parts[name]:
            raise ValueError(f"{of} has too few texts: there is none to {said}.")
    texts = {name: [text for text, _ in part] for name, part in parts.items()}
    words = Words.occurring_twice(texts["train"])
    coded = {name: _part(words, part) for name, part in parts.items()}
    wholes = {name: np.array([spans[-1][2] for _, spans in part]) for name, part in parts.items()}
    in_train = 1 + np.bincount(wholes["train"], minlength=len(names))  # one more of each: a class may not occur there
    trained = set(texts["train"])
    again = {name: sum(text in trained for text in texts[name]) for name in ("heldout", "test")}
    return Sentences(
        coded,
        words,
        names,
        float(-np.log(in_train / in_train.sum())[wholes["heldout"]].mean()),
        origin | {"also in training": f"{again['heldout']} held out, {again['test']} tested on"},
    )


def _part(words: Words, part: Sequence[Spoken]) -> Part:
    codes, _ = words.padded([text for text, _ in part])
    spans = np.array([(n, *span) for n, (_, spans) in enumerate(part) for span in spans], np.int32)
    return Part(codes, Spans(*spans.T))


@functools.lru_cache(maxsize=4)
def of_treebank(classes: int, phrases: bool) -> Sentences:
    """Of the Stanford Sentiment Treebank, all phrases of what is trained on or the sentences alone."""
    bank = data.get("sst")()
    parts = {
        name: [spoken for tree in trees if (spoken := _spoken(tree, classes, phrases and name == "train"))]
        for name, trees in (("train", bank.train), ("heldout", bank.dev), ("test", bank.test))
    }
    origin = {"data": "sst", "trained on": "phrases" if phrases else "sentences"}
    return _made(parts, _sentiment.NAMES[classes], "sst", origin | bank.sha256)


def _spoken(tree: LabelledTree, classes: int, phrases: bool) -> Spoken | None:
    """The words of a tree, and its nodes as stretches of them; nothing if its root is not scored."""
    stretches: list[tuple[int, int]] = []
    words = tuple(word for word in tree.words if word)
    leaves = 0
    for left, right in tree.children:
        if left < 0:
            stretches.append((leaves, 1))
            leaves += 1
        else:
            stretches.append((stretches[left][0], stretches[left][1] + stretches[right][1]))
    labels = [_sentiment.CLASSES[classes][label] for label in tree.labels]
    spans = [(*stretch, label) for stretch, label in zip(stretches, labels, strict=True) if label >= 0]
    return (words, spans if phrases else spans[-1:]) if labels[-1] >= 0 else None


@functools.lru_cache(maxsize=4)
def published(name: str, classes: int, fold: int) -> Sentences:
    """Of `mr` or `trec`."""
    return of_texts(data.get(name)(), classes, fold)


def of_texts(texts: LabelledTexts, classes: int, fold: int) -> Sentences:
    """Of labelled texts, those of one's own of 0 classes: all that there are.

    Of labels with a colon that which stands before it, where there are too many of them.
    """
    is_published = classes > 0  # a file of one's own may have the name of a data set

    def label_of(label: str) -> str:
        return label.partition(":")[0] if is_published and classes == 6 else label

    names = tuple(sorted({label_of(label) for _, label in texts.train}))
    parts: dict[str, list[Spoken]] = {"train": [], "heldout": [], "test": []}
    for is_test, part in ((False, texts.train), (True, texts.test)):
        for text, label in part:
            words = tuple(filter(None, text.split(" "))) if is_published else words_of(text)
            place = (part_of(text) - fold) % PARTS
            where = "heldout" if place == (0 if texts.test else 1) else "test" if place == 0 else "train"
            parts["test" if is_test else where].append((words, [(0, len(words), names.index(label_of(label)))]))
    origin = {"data" if is_published else "path": texts.name, "fold": f"{fold} of {PARTS}, by a hash of the text"}
    return _made(parts, names, texts.name, origin | dict(texts.sha256))
