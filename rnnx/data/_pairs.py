"""Pairs of texts of one's own: what is read, and what is to be written to it."""

import dataclasses

from rnnx.data._store import DataError
from rnnx.data._text import Text, read_file

_LINE = "a line is a source and its target with a tab between them"


@dataclasses.dataclass(frozen=True)
class TextPairs:
    """Pairs of a source and a target, in the order of their file; equal to others of the same name and bytes."""

    name: str
    """Path of the file, as it was given."""
    sha256: str
    """Of the file, in hexadecimal."""
    pairs: tuple[tuple[str, str], ...] = dataclasses.field(compare=False, repr=False)


def read_pairs(path: str) -> TextPairs:
    """The pairs in a file of one's own, a source and its target a line with a tab between them, in UTF-8.

    Args:
      path: relative to the working directory; `~` is the home directory.

    Raises:
      DataError: the file can't be read as `rnnx.data.read_file` does, or a line is no pair.
    """
    return parse_pairs(read_file(path))


def parse_pairs(text: Text) -> TextPairs:
    r"""The pairs of a text that has one a line; empty lines are passed over, and so are spaces around either side.

    Raises:
      DataError: a line has another number of columns than two, or nothing in one of them, or there are no lines; with
        the number of the first such line.

    >>> parse_pairs(Text("mine", "ein Hund\ta dog\n", "")).pairs
    (('ein Hund', 'a dog'),)
    """
    pairs = []
    for number, line in enumerate(text.text.split("\n"), 1):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) != 2:
            raise DataError(f"line {number} of {text.name} has {len(columns)} columns and not 2: {_LINE}.")
        source, target = columns
        if not source or not target:
            raise DataError(f"line {number} of {text.name} has no {'target' if source else 'source'}: {_LINE}.")
        pairs.append((source, target))
    if not pairs:
        raise DataError(f"{text.name} has no pairs: {_LINE}.")
    return TextPairs(text.name, text.sha256, tuple(pairs))
