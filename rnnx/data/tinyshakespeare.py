"""Tiny Shakespeare: a million characters from the plays, the corpus of A. Karpathy's char-rnn (2015)."""

from functools import partial

from rnnx.data._download import http_file
from rnnx.data._store import Source
from rnnx.data._text import Text, read_text

_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"

SOURCES = (
    Source(
        path="tinyshakespeare/input.txt",
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        origin=_URL,
        download=partial(http_file, _URL),
    ),
)


def tinyshakespeare() -> Text:
    """Tiny Shakespeare, 1,115,394 characters, 65 of them distinct; raises `DataError` if it cannot be had.

    >>> tinyshakespeare().text[:14]  # doctest: +SKIP
    'First Citizen:'
    """
    return read_text("tinyshakespeare", *SOURCES)
