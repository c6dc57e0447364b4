"""What can be told of every character of a text without a model: how far along it is in what it stands in.

Each is a function of a text of N characters that gives `[N]` numbers, of what is so once that character has been read.
"""

import re
from itertools import pairwise

import numpy as np

_SPEAKER = re.compile(r"(?:\A|\n\n)([^\W\d_][^\n:,;!?]{0,39}):")


def line_position(text: str) -> np.ndarray:
    r"""Characters since the last line end.

    >>> line_position("ab\ncd").tolist()
    [1.0, 2.0, 0.0, 1.0, 2.0]
    """
    return _since([character == "\n" for character in text])


def word_position(text: str) -> np.ndarray:
    """Letters and digits since the last character that is neither.

    >>> word_position("to be").tolist()
    [1.0, 2.0, 0.0, 1.0, 2.0]
    """
    return _since([not character.isalnum() for character in text])


def quotes(text: str) -> np.ndarray:
    r"""1 within quotation marks, “ and ” or ", else 0; after an empty line none is open.

    >>> quotes('"a" b').tolist()
    [1.0, 1.0, 0.0, 0.0, 0.0]
    """
    inside, values = False, []
    for before, character in pairwise(f" {text}"):
        if before == character == "\n":
            inside = False
        elif character in "“”":
            inside = character == "“"
        elif character == '"':
            inside = not inside
        values.append(inside)
    return np.array(values, float)


def brackets(text: str) -> np.ndarray:
    """How many brackets are open; after an empty line none is.

    >>> brackets("(a [b]) c").tolist()
    [1.0, 1.0, 1.0, 2.0, 2.0, 1.0, 0.0, 0.0, 0.0]
    """
    depth, values = 0, []
    for before, character in pairwise(f" {text}"):
        depth = 0 if before == character == "\n" else depth + (character in "([{") - (character in ")]}")
        depth = max(depth, 0)
        values.append(depth)
    return np.array(values, float)


def speaker(text: str) -> np.ndarray:
    r"""1 within the name of who speaks, before the colon at the start of a line after an empty one; else 0.

    >>> speaker("No: go.\n\nAnn:\nNo").nonzero()[0].tolist()
    [0, 1, 9, 10, 11]
    """
    values = np.zeros(len(text))
    for name in _SPEAKER.finditer(text):
        values[slice(*name.span(1))] = name[1][0].isupper()
    return values


FEATURES = {feature.__name__: feature for feature in (line_position, word_position, quotes, brackets, speaker)}
"""By name."""


def _since(ends: list[bool]) -> np.ndarray:
    """Characters since the last one that is an end."""
    places = np.arange(len(ends))
    return (places - np.maximum.accumulate(np.where(ends, places, -1))).astype(float)
