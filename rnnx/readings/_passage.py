"""Passages of a text: where to begin."""

import re

_SENTENCE_END = re.compile(r"[.!?][\"”’')\]]*\s*\Z")


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
