"""A data set that is one long text."""

from typing import NamedTuple

from rnnx.data._store import Source, obtain


class Text(NamedTuple):
    """A text, whole and as published.

    Attributes:
      name: of the data set.
      text: the characters, lines ended by a bare newline.
      sha256: of the file that the text was read from, in hexadecimal.
    """

    name: str
    text: str
    sha256: str


def read_text(name: str, source: Source) -> Text:
    """The text of a source, decoded as UTF-8; raises `DataError` if it cannot be had."""
    return Text(name, obtain(source).content.decode("utf-8"), source.sha256)
