"""Exchange rates: eight currencies in US dollars, daily, of 1990 to 2016 by its paper; 7588 rows, without dates.

Lai, Chang, Yang & Liu 2018, "Modeling long- and short-term temporal patterns with deep neural networks"; in their
order, of Australia, Britain, Canada, Switzerland, China, Japan, New Zealand and Singapore.
"""

import gzip
from functools import partial

from rnnx.data._download import http_file
from rnnx.data._series import Series, parse_series
from rnnx.data._store import Source, obtain
from rnnx.data._text import Text

_URL = (
    "https://raw.githubusercontent.com/laiguokun/multivariate-time-series-data/"
    "d5be4e85367f2033d1bd843a02e2dce4bb860efc/exchange_rate/exchange_rate.txt.gz"
)

SOURCES = (
    Source(
        path="exchange_rate/exchange_rate.txt.gz",
        sha256="6a4fbb561dcdee43f071a83badbeec9223a335552278348656738b556f1c2e9d",
        origin=_URL,
        download=partial(http_file, _URL),
    ),
)

_COUNTRIES = "Australia,Britain,Canada,Switzerland,China,Japan,New Zealand,Singapore"


def exchange_rate() -> Series:
    """Exchange rates; raises `DataError` if they can't be had.

    >>> exchange_rate().values.shape  # doctest: +SKIP
    (7588, 8)
    """
    rows = gzip.decompress(obtain(SOURCES[0]).content).decode("ascii")
    return parse_series(Text("exchange_rate", f"{_COUNTRIES}\n{rows}", SOURCES[0].sha256))
