"""Japanese Vowels: nine speakers say /ae/, 640 utterances of 12 cepstral coefficients, 7 to 29 steps long.

Kudo, Toyama & Shimbo 1999, "Multidimensional curve classification using passing-through regions"; 270 utterances to
train on, 30 of each speaker, and 370 to test on, in the order in which they are filed.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from rnnx.data._download import http_file
from rnnx.data._store import DataError, Source, obtain

_URL = (
    "https://raw.githubusercontent.com/aeon-toolkit/aeon/v1.6.0/aeon/datasets/data/JapaneseVowels/JapaneseVowels_{}.ts"
)

SOURCES = tuple(
    Source(
        f"japanese_vowels/JapaneseVowels_{part}.ts", sha256, _URL.format(part), partial(http_file, _URL.format(part))
    )
    for part, sha256 in {
        "TRAIN": "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
        "TEST": "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
    }.items()
    for url in [_URL.format(part)]
)


class Utterance(NamedTuple):
    """What was said once."""

    coefficients: np.ndarray
    """[T, 12], float64."""
    speaker: int
    """0 … 8."""


class Vowels(NamedTuple):
    """The utterances of each part, in the order of its file, and the sha256 of the files, in hexadecimal."""

    train: tuple[Utterance, ...]
    test: tuple[Utterance, ...]
    sha256: dict[str, str]


def japanese_vowels() -> Vowels:
    """Japanese Vowels, 640 utterances; raises `DataError` if a file can't be had.

    >>> len(japanese_vowels().train)  # doctest: +SKIP
    270
    """
    train, test = (parse(obtain(source).content.decode("latin-1"), source.path) for source in SOURCES)
    return Vowels(train, test, {source.path: source.sha256 for source in SOURCES})


def parse(text: str, name: str) -> tuple[Utterance, ...]:
    """The utterances of a file: one a line, each coefficient's values with commas, colons between, and the speaker.

    Raises:
      DataError: a line is none; with its number.

    >>> parse("@data\\n1,2,3:4,5,6:2\\n", "mine")[0].coefficients.tolist()
    [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    """
    lines = text.split("\n")
    start = next((n for n, line in enumerate(lines, 1) if line.strip() == "@data"), len(lines))
    found = []
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip():
            continue
        *channels, speaker = line.split(":")
        try:
            coefficients = np.array([[float(value) for value in channel.split(",")] for channel in channels])
            found.append(Utterance(coefficients.T.reshape(-1, len(channels)), int(speaker) - 1))
        except ValueError:
            raise DataError(
                f"line {number} of {name} is no utterance: values with commas, colons between coefficients of as many "
                "values each, and the number of the speaker."
            ) from None
    if not found:
        raise DataError(f"{name} has no utterances: they follow on a line @data.")
    return tuple(found)
