"""Sunspots: Wolf's number of each year from 1700 to 2008, 309 rows."""

from functools import partial

from rnnx.data._download import http_file
from rnnx.data._series import Series, parse_series
from rnnx.data._store import Source
from rnnx.data._text import read_text

_URL = "https://raw.githubusercontent.com/statsmodels/statsmodels/v0.14.4/statsmodels/datasets/sunspots/sunspots.csv"

SOURCES = (
    Source(
        path="sunspots/sunspots.csv",
        sha256="f67889b1d9002cd5227f0e0ef54e35b419cdd85a31279adef6f73fb41e5c0a9b",
        origin=_URL,
        download=partial(http_file, _URL),
    ),
)


def sunspots() -> Series:
    """Sunspots, a column of years and one of numbers; raises `DataError` if they can't be had.

    >>> sunspots().values[0].tolist()  # doctest: +SKIP
    [1700.0, 5.0]
    """
    return parse_series(read_text("sunspots", SOURCES[0]))
