"""A data set that is one long text."""

import codecs
import difflib
import os
from pathlib import Path
from typing import NamedTuple

from rnnx.data._store import DataError, Source, obtain, sha256
from rnnx.vocabulary import bare_newlines


class Text(NamedTuple):
    r"""A text as published, from its first line to its last.

    Attributes:
      name: of the data set; of a file of one's own, its path as it was given.
      text: the characters, which are Unicode code points: an accent that combines with the letter before it is one by
        itself, and nothing is composed or taken apart. Lines are ended by a bare newline, also where the file has
        `\r\n` or `\r`, and a byte order mark at the start is left out.
      sha256: of the file that the text was read from, in hexadecimal.
    """

    name: str
    text: str
    sha256: str


def read_text(name: str, source: Source) -> Text:
    """The text of a source, decoded as UTF-8; raises `DataError` if it cannot be had, or is in another encoding."""
    path, content = obtain(source)
    return Text(name, _decoded(path, content, ", and put its new sha256 into the source"), source.sha256)


def read_file(path: str) -> Text:
    """The text in a file of one's own, which is UTF-8.

    Args:
      path: relative to the working directory; `~` is the home directory.

    Raises:
      DataError: there is no such file, with the nearest one beside it; it can't be read, is empty, or in another
        encoding.
    """
    file = Path(os.path.expanduser(path))  # unlike Path.expanduser it lets a user pass of whom nothing is known
    try:
        if not file.exists():
            raise DataError(f"there is no file {file.absolute()}{_nearest(file)}")
        if not file.is_file():
            raise DataError(f"{file} is {'a folder' if file.is_dir() else 'no regular file'}: name a file of text.")
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}.") from None
    if not (text := _decoded(file, content)):
        raise DataError(f"{file} is empty: there is no text in it.")
    return Text(str(path), text, sha256(content))


def _decoded(path: Path, content: bytes, then: str = "") -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        known, name = ("UTF-16", "UTF-16") if marked else ("Latin-1", "LATIN1")
        raise DataError(
            f"{path} is not a text in UTF-8: byte {error.start} is 0x{content[error.start]:02x}; "
            f"convert it, for example from {known} by iconv -f {name} -t UTF-8{then}."
        ) from None
    return bare_newlines(text.removeprefix("\ufeff"))


def _nearest(file: Path) -> str:
    """The file beside it that is most like one that there is not, as the end of a message."""
    beside = os.listdir(file.parent) if file.parent.is_dir() else []
    nearest = difflib.get_close_matches(file.name, beside, n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]!r}?" if nearest else "."
