"""Passages of a text: the pieces that tokens stand for, and where to begin."""

import re
from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from rnnx.vocabulary import Vocabulary

_SENTENCE_END = re.compile(r"[.!?][\"”’')\]]*\s*\Z")


def pieces(vocabulary: Vocabulary, tokens: Iterable[int] | np.ndarray) -> list[str]:
    r"""What each token is in the text that all of them make, with the space before a word that has one.

    >>> pieces(Vocabulary("word", ("<unk>", "<eos>", "to", "be", ",")), [2, 3, 4, 2, 3, 1])
    ['to', ' be', ',', ' to', ' be', '\n']
    """
    tokens = list(tokens)
    if vocabulary.unit == "character":
        return [vocabulary.tokens[token] for token in tokens]
    alone = [vocabulary.decode([token]) for token in tokens]
    both = (vocabulary.decode(pair) for pair in pairwise(tokens))
    return alone[:1] + [text[len(before) :] for text, before in zip(both, alone, strict=False)]


def beginning(text: list[str], earliest: int, latest: int) -> int:
    """The number of the piece to begin a passage with: the first of a paragraph, else of a line, else of a sentence.

    `earliest` where none begins from there to `latest`.

    >>> text = [*"One. Two.", "\\n", *"Three.", "\\n", "\\n", *"Four."]
    >>> [beginning(text, 1, latest) for latest in (3, 5, 10, 18)]
    [1, 5, 10, 18]
    """
    best: dict[str, int] = {}
    before = "".join(text[max(earliest - 8, 0) : earliest])
    for n in range(earliest, latest + 1):
        piece = text[n]
        if not piece.isspace():
            if before.endswith("\n\n"):
                return n
            if before.endswith("\n"):
                best.setdefault("line", n)
            elif _SENTENCE_END.search(before) and (before[-1].isspace() or piece[0].isspace()):
                best.setdefault("sentence", n)
        before = before[-8:] + piece
    return best.get("line", best.get("sentence", earliest))
