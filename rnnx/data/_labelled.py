"""A data set of short texts, each of which is of one class."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from rnnx.data._store import DataError
from rnnx.data._text import read_file

_FORM = "a line is a text, a tab and its label"
_WRONG: tuple[tuple[Callable[[str, str, str], bool], str], ...] = (
    (lambda tab, text, label: not tab, "no tab"),
    (lambda tab, text, label: "\t" in text, "several tabs"),
    (lambda tab, text, label: not text, "no text"),
    (lambda tab, text, label: not label, "no label after its tab"),
)
"""What a line may have, or lack, by the tab before its label, the text and the label."""


class Labelled(NamedTuple):
    """A text as published, a sentence or a question, and the name of its class."""

    text: str
    label: str


@dataclasses.dataclass(frozen=True)
class LabelledTexts:
    """Labelled texts in the order of their files; equal to another of the same name and bytes."""

    name: str
    """Of the data set; of a file of one's own, its path as it was given."""
    sha256: tuple[tuple[str, str], ...]
    """(path, sha256 in hexadecimal) of each file."""
    train: tuple[Labelled, ...] = dataclasses.field(compare=False, repr=False)
    """All there are, where nobody has set any apart."""
    test: tuple[Labelled, ...] = dataclasses.field(compare=False, repr=False, default=())
    """Those that are to be tested on, as published; empty where there are none."""


def read_labelled(path: str) -> LabelledTexts:
    r"""The labelled texts of a file of one's own, one a line: the text, a tab, and the name of its class.

    Args:
      path: relative to the working directory; `~` is the home directory.

    Raises:
      DataError: the file can't be read as `rnnx.data.read_file` does, or a line is none of these, with its number.
    """
    name, text, sha256 = read_file(path)
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        before, tab, label = line.rpartition("\t")
        sentence, label = before.strip(), label.strip()
        wrong = next((what for missing, what in _WRONG if missing(tab, sentence, label)), "")
        if wrong:
            raise DataError(f"line {number} of {name} has {wrong}: {_FORM}, such as: I like it.<tab>good")
        found.append(Labelled(sentence, label))
    if len({label for _, label in found}) < 2:
        raise DataError(f"{name} needs texts of two classes at least: {_FORM}.")
    return LabelledTexts(name, ((name, sha256),), tuple(found))
