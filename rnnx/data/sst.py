"""Stanford Sentiment Treebank: sentences of film reviews as binary trees, with a label at every node.

Socher et al. 2013, "Recursive deep models for semantic compositionality over a sentiment treebank": 8544 trees to train
on, 1101 for development and 2210 to test on. Labels go from 0, very negative, over 2, neutral, to 4, very positive.
"""

import functools
import io
import re
import zipfile
from typing import NamedTuple

from rnnx.data._download import http_file
from rnnx.data._store import Source, obtain

_URL = "https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip"
_TOKEN = re.compile(r"\(([0-4]) ([^()]*)|\)")  # a node begins, a leaf with its word; a node ends
_BRACKETS = {"-LRB-": "(", "-RRB-": ")"}


class LabelledTree(NamedTuple):
    """A sentence: label, children and word of each node, every node after its children and the root last."""

    labels: tuple[int, ...]
    children: tuple[tuple[int, int], ...]
    """(left, right), numbers of nodes; (-1, -1) at a leaf."""
    words: tuple[str, ...]
    """Empty at inner nodes."""


class Treebank(NamedTuple):
    """The trees of each part, in the order of its file, and the sha256 of the files, in hexadecimal."""

    train: tuple[LabelledTree, ...]
    dev: tuple[LabelledTree, ...]
    test: tuple[LabelledTree, ...]
    sha256: dict[str, str]


def sst() -> Treebank:
    """Stanford Sentiment Treebank, 11,855 trees; raises `DataError` if one of its files cannot be had.

    >>> len(sst().train)  # doctest: +SKIP
    8544
    """
    # By line feeds alone, and not `splitlines`: a word may hold other things that end a line.
    train, dev, test = (
        tuple(map(parse, obtain(source).content.decode("utf-8").removesuffix("\n").split("\n"))) for source in SOURCES
    )
    return Treebank(train, dev, test, {source.path: source.sha256 for source in SOURCES})


def parse(line: str) -> LabelledTree:
    r"""A tree from a line of the files, which are known to be well formed by their hashes.

    A word is all that stands between a label and the closing bracket, a no-break space too. What the Penn Treebank
    escapes is as in the sentence again: `(` for `-LRB-`, `/` for `\/`.

    >>> parse(r"(3 (2 and\/or) (4 good))")
    LabelledTree(labels=(2, 4, 3), children=((-1, -1), (-1, -1), (0, 1)), words=('and/or', 'good', ''))
    """
    labels, children, words = [], [], []
    begun: list[tuple[int, str]] = []
    without_parent: list[int] = []
    for label, word in _TOKEN.findall(line):
        if label:
            begun.append((int(label), _BRACKETS.get(word, word).replace("\\", "")))
            continue
        label, word = begun.pop()
        labels.append(label)
        words.append(word)
        children.append((-1, -1) if word else (without_parent.pop(-2), without_parent.pop()))
        without_parent.append(len(labels) - 1)
    return LabelledTree(tuple(labels), tuple(children), tuple(words))


@functools.cache
def _archive() -> bytes:
    return http_file(_URL)


def _member(part: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(_archive())) as archive:  # nothing is unpacked to disk
            return archive.read(f"trees/{part}.txt")
    except (zipfile.BadZipFile, KeyError) as error:
        raise OSError(f"no archive with trees/{part}.txt: {error}") from None


SOURCES = tuple(
    Source(f"sst/{part}.txt", sha256, _URL, functools.partial(_member, part))
    for part, sha256 in {
        "train": "e2f3f41b0b1e6d4dddc0effe3bfc2d27ed8928079aa9a03d652311614fc5feb7",
        "dev": "0e9336aed6e4730e19f58d00a77b3f0297efdb755f7b5e598c98a05e3f97ea40",
        "test": "6e54806dee95cf80cd918e7dfb3f6770f6df24bf826f289a4d1f709e1c8f6761",
    }.items()
)
