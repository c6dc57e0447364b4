"""Electricity transformer temperature: ETTh1, seven measurements each hour of two years, 17,420 rows.

Zhou et al. 2021, "Informer: beyond efficient transformer for long sequence time-series forecasting": three pairs of
load, useful and useless (HUFL, HULL, MUFL, MULL, LUFL, LULL), and the temperature of the oil, OT, in °C.
"""

from functools import partial

from rnnx.data._download import http_file
from rnnx.data._series import Series, parse_series
from rnnx.data._store import Source
from rnnx.data._text import read_text

_URL = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/1d16c8f/ETT-small/ETTh1.csv"

SOURCES = (
    Source(
        path="ett/ETTh1.csv",
        sha256="f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
        origin=_URL,
        download=partial(http_file, _URL),
    ),
)


def ett() -> Series:
    """ETTh1; raises `DataError` if it can't be had.

    >>> ett().columns[-1]  # doctest: +SKIP
    'OT'
    """
    return parse_series(read_text("ett", SOURCES[0]))
