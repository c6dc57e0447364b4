"""A data set that is one long text."""

from typing import NamedTuple

from rnnx.data._store import DataError, Source, obtain


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
    """The text of a source, decoded as UTF-8; raises `DataError` if it cannot be had, or is in another encoding."""
    path, content = obtain(source)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not a text in UTF-8: byte {error.start} is 0x{content[error.start]:02x}; "
            "convert it, for example from Latin-1 by iconv -f LATIN1 -t UTF-8, and put its new sha256 into the source."
        ) from None
    return Text(name, text, source.sha256)
