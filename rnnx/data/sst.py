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
from rnnx.data._store import DataError, Source, obtain
from rnnx.data._text import read_file

_URL = "https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip"
_TOKEN = re.compile(r"\(([0-4]) ([^()]*)|\) *")  # a node begins, a leaf with its word; a node ends
_SUCH_AS = "(3 (2 very) (3 good))"
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


def read_treebank(path: str) -> tuple[tuple[LabelledTree, ...], dict[str, str]]:
    """The trees of a file of one's own in the same form, one a line, and the sha256 of the file by its path.

    Args:
      path: relative to the working directory; `~` is the home directory.

    Raises:
      DataError: the file can't be read as `rnnx.data.read_file` does, or a line is no tree, with its number.
    """
    name, text, sha256 = read_file(path)
    trees = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            trees += [parse(line)] if line.strip() else []
        except ValueError as error:
            raise DataError(f"line {number} of {name} is no tree: {error}") from None
    if not trees:
        raise DataError(f"{name} has no trees: a line is one, such as {_SUCH_AS}.")
    return tuple(trees), {name: sha256}


def parse(line: str) -> LabelledTree:
    r"""A tree from a line of the files.

    A word is all that stands between a label and the closing bracket, a no-break space too. What the Penn Treebank
    escapes is as in the sentence again: `(` for `-LRB-`, `/` for `\/`.

    Raises:
      ValueError: it is none, with the place where that shows.

    >>> parse(r"(3 (2 and\/or) (4 good))")
    LabelledTree(labels=(2, 4, 3), children=((-1, -1), (-1, -1), (0, 1)), words=('and/or', 'good', ''))
    >>> parse("(3 (2 very) (2 very) (4 good))")
    Traceback (most recent call last):
    ValueError: character 30: the node that ends here has 3 children, and must have a word or two children.
    """
    labels, children, words = [], [], []
    begun: list[tuple[int, str, list[int]]] = [(0, "", [])]  # label, word and children; the first is around them all
    at, line = 0, line.strip(" \t")
    while at < len(line):
        token = _TOKEN.match(line, at)
        if token is None:
            raise ValueError(f"character {at + 1}: {line[at : at + 10]!r} is no node: a tree is as in {_SUCH_AS}.")
        begins, at = token.start() + 1, token.end()
        if token[1]:
            word = token[2].strip(" \t")
            if " " in word or "\t" in word:
                raise ValueError(f"character {begins}: {word!r} is more than one word, of which each is a node.")
            begun.append((int(token[1]), _plain(word), []))
            continue
        if len(begun) == 1:
            raise ValueError(f"character {begins}: a bracket is closed that was not opened.")
        label, word, below = begun.pop()
        if len(below) != (0 if word else 2):
            has = f"{len(below)} children" + (f" and a word, {word!r}" if word else "")
            raise ValueError(
                f"character {begins}: the node that ends here has {has}, and must have a word or two children."
            )
        labels.append(label)
        words.append(word)
        children.append((-1, -1) if word else (below[0], below[1]))
        begun[-1][2].append(len(labels) - 1)
    if len(begun) > 1 or len(begun[0][2]) != 1:
        why = f"{len(begun) - 1} brackets are not closed" if len(begun) > 1 else f"there are {len(begun[0][2])} trees"
        raise ValueError(f"character {len(line)}: {why}.")
    return LabelledTree(tuple(labels), tuple(children), tuple(words))


def parse_any(text: str) -> LabelledTree:
    """A tree with labels, as `parse` reads it, or with words and brackets alone, all of it neutral then.

    Raises:
      ValueError: it is none.

    >>> parse_any("((very good) film)").words
    ('very', 'good', '', 'film', '')
    """
    if not text.strip(" \t()"):
        raise ValueError("there are no words in it.")
    if _TOKEN.match(text.lstrip()):
        return parse(text)
    labelled = re.sub(r"[^ \t()]+", r"(2 \g<0>)", text)
    labelled = re.sub(r"\((?!2 )", "(2 ", labelled)
    try:
        return parse(labelled)
    except ValueError as error:
        raise ValueError(f"{error.args[0].removesuffix('.')}, where it is {labelled} with labels.") from None


def _plain(word: str) -> str:
    """Without the escapes of the Penn Treebank."""
    return _BRACKETS.get(word, word).replace("\\", "")


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
