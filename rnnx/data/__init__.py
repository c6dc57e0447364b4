"""Real data sets, one per file: found on disk or downloaded, and always checked by sha256.

A data set is looked for in `$RNNX_DATA_DIR`, then in the user's cache (`$RNNX_CACHE_DIR`, or where the platform keeps
caches), then fetched from its origin into the cache. SOURCES.md has origins, sizes, hashes and licences. Everything is
read as plain text or bytes: no pickle is loaded, and no code that came with the data is run.

>>> "tinyshakespeare" in names()
True
>>> if available("tinyshakespeare"):  # without the network; otherwise `load` would download it
...     load = get("tinyshakespeare")
...     assert load().text.startswith("First Citizen:")
"""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from rnnx import registry
from rnnx.data._pairs import TextPairs, read_pairs
from rnnx.data._series import Series, read_series
from rnnx.data._store import DataError, Source, cache_directory, on_disk
from rnnx.data._text import Text, read_file

__all__ = [
    "DataError",
    "Series",
    "Source",
    "Text",
    "TextPairs",
    "available",
    "cache_directory",
    "get",
    "names",
    "read_file",
    "read_pairs",
    "read_series",
    "sources",
    "texts",
]


def names() -> tuple[str, ...]:
    """The names of all data sets."""
    return registry.names(__name__)


def get(name: str) -> Callable[[], Any]:
    """The loader of a data set by name, such as of a `Text`; `ValueError` with the nearest known name if there is none.

    The loader raises `DataError` when the data cannot be had, or the file in `$RNNX_DATA_DIR` is not the right one.
    """
    return registry.get(__name__, name)


def texts() -> tuple[str, ...]:
    """The names of the data sets whose loader gives one long `Text`.

    >>> "shakespeare" in texts()
    True
    """
    return tuple(name for name in names() if inspect.signature(get(name)).return_annotation is Text)


def sources(name: str) -> tuple[Source, ...]:
    """Where the files of a data set come from: path on disk, hash and origin of each; `ValueError` as in `get`."""
    return importlib.import_module(get(name).__module__).SOURCES


def available(name: str) -> bool:
    """Whether a data set can be had without the network: each of its files is in `$RNNX_DATA_DIR` or in the cache.

    They are not read, so they may still prove damaged; `ValueError` as in `get`.
    """
    return all(map(on_disk, sources(name)))
