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
from collections.abc import Callable

from rnnx import registry
from rnnx.data._store import DataError, Source, cache_directory, on_disk
from rnnx.data._text import Text

__all__ = ["DataError", "Source", "Text", "available", "cache_directory", "get", "names", "source"]


def names() -> tuple[str, ...]:
    """The names of all data sets."""
    return registry.names(__name__)


def get(name: str) -> Callable[[], Text]:
    """The loader of a data set by name; `ValueError` with the nearest known name if there is none.

    The loader raises `DataError` when the data cannot be had, or the file in `$RNNX_DATA_DIR` is not the right one.
    """
    return registry.get(__name__, name)


def source(name: str) -> Source:
    """Where a data set comes from: its path on disk, hash and origin; `ValueError` as in `get`."""
    return importlib.import_module(get(name).__module__).SOURCE


def available(name: str) -> bool:
    """Whether a data set can be had without the network: its file is in `$RNNX_DATA_DIR` or in the cache.

    The file is not read, so it may still prove damaged; `ValueError` as in `get`.
    """
    return on_disk(source(name))
