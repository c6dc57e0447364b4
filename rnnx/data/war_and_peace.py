"""War and Peace by L. Tolstoy, translated by L. and A. Maude: the text on which Karpathy et al. 2015 looked into RNNs.

In another edition than theirs. The file holds Project Gutenberg's licence too, which is no part of the novel and left
out: at the end of the text it would be 6 % of what is tested on.
"""

from functools import partial

from rnnx.data._download import http_file
from rnnx.data._store import Source
from rnnx.data._text import Text, read_text

_URL = "https://raw.githubusercontent.com/timbmg/RNNLM/master/data/warandpeace.txt"
_BEFORE = "An Anonymous Volunteer, and David Widger\n"
_AFTER = "End of the Project Gutenberg EBook of War and Peace, by Leo Tolstoy\n"

SOURCES = (
    Source(
        path="war_and_peace/warandpeace.txt",
        sha256="bf5b273d9246268f96663c43c00a1055ae2e42c2262be32f7e43b48dd123451a",
        origin=_URL,
        download=partial(http_file, _URL),
    ),
)


def war_and_peace() -> Text:
    """War and Peace, 3,208,237 characters, 104 of them distinct; raises `DataError` if it cannot be had.

    >>> "Well, Prince, so Genoa and Lucca" in war_and_peace().text  # doctest: +SKIP
    True
    """
    file = read_text("war_and_peace", *SOURCES)
    novel = file.text.partition(_BEFORE)[2].partition(_AFTER)[0]
    return file._replace(text=novel.strip("\n") + "\n")
