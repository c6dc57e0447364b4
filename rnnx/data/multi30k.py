"""Multi30k: what is to be seen in a photograph, in a sentence each of English, German and French.

Elliott, Frank, Sima'an & Specia 2016, "Multi30K: multilingual English-German image descriptions"; French by Elliott,
Frank, Barrault, Bougares & Specia 2017. The English sentences were written to photographs of Flickr, and translated by
people who make a living of it: 29,000 to train on, 1014 for validation, 1000 to test on, which are those of 2016.
"""

import functools
import gzip
from typing import NamedTuple

from rnnx.data._download import http_file
from rnnx.data._store import Source, obtain

LANGUAGES = ("de", "en", "fr")

_URL = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw"
_SHA256 = {
    "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "train.fr": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "val.fr": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
    "test_2016_flickr.de": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    "test_2016_flickr.fr": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
}

SOURCES = tuple(
    Source(f"multi30k/{name}.gz", sha256, f"{_URL}/{name}.gz", functools.partial(http_file, f"{_URL}/{name}.gz"))
    for name, sha256 in _SHA256.items()
)


class Multi30k(NamedTuple):
    """The sentences of each part by language, in one order: line n of one says what that of the others does."""

    train: dict[str, tuple[str, ...]]
    val: dict[str, tuple[str, ...]]
    test: dict[str, tuple[str, ...]]
    sha256: dict[str, str]
    """Of each file, in hexadecimal, by its path."""


def multi30k() -> Multi30k:
    """Multi30k, 31,014 sentences in each of three languages; raises `DataError` if one of its files cannot be had.

    >>> multi30k().train["en"][0]  # doctest: +SKIP
    'Two young, White males are outside near many bushes.'
    """
    read = {source.path: _lines(obtain(source).content) for source in SOURCES}
    train, val, test = (
        {language: read[f"multi30k/{part}.{language}.gz"] for language in LANGUAGES}
        for part in ("train", "val", "test_2016_flickr")
    )
    return Multi30k(train, val, test, {source.path: source.sha256 for source in SOURCES})


def _lines(content: bytes) -> tuple[str, ...]:
    """The lines of a file, which is known by its hash to be whole, and as long as those of the other languages."""
    # By line feeds alone: some sentences have no-break spaces and tabs in them.
    return tuple(gzip.decompress(content).decode("utf-8").removesuffix("\n").split("\n"))
