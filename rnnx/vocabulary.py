"""Texts as whole numbers, and back: by characters, which are Unicode code points, or by words."""

import dataclasses
import functools
import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Literal

import numpy as np

UNKNOWN = "<unk>"
END_OF_LINE = "<eos>"

_CLOSING, _OPENING = frozenset(".,;:!?)]}’”'\n"), frozenset("([{‘“\n")
"""Signs before which, and after which, a text has no space."""


class UnknownTokenError(ValueError):
    """A text has something in it for which a vocabulary has no number."""


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens of a language model: token n is what the number n stands for.

    Characters are Unicode code points, so that a combining accent is a token by itself. Words have `<eos>` for the end
    of a line, and `<unk>` for each word that is not among the tokens.

    Attributes:
      unit: what a token is.
      tokens: V of them, all different.

    >>> vocabulary = Vocabulary("word", (UNKNOWN, END_OF_LINE, "Don't", "go", "!"))
    >>> vocabulary.encode("Don't go there!\\n").tolist()
    [2, 3, 0, 4, 1]
    >>> vocabulary.decode([2, 3, 0, 4, 1])
    "Don't go <unk>!\\n"
    """

    unit: Literal["character", "word"]
    tokens: tuple[str, ...]

    def __len__(self) -> int:
        """V."""
        return len(self.tokens)

    @property
    def sha256(self) -> str:
        """Of the unit and the tokens in their order, in hexadecimal: equal vocabularies have the same."""
        return hashlib.sha256(json.dumps(self.to_dict()).encode()).hexdigest()

    @property
    def line_end(self) -> int:
        """The token that stands for the end of a line, after which a text begins; the first one where there is none."""
        end = END_OF_LINE if self.unit == "word" else "\n"
        return self.tokens.index(end) if end in self.tokens else 0

    def encode(self, text: str, *, skip_unknown: bool = False) -> np.ndarray:
        """The numbers of the tokens of a text, int32; of words, those that are not known become `<unk>`.

        Raises:
          UnknownTokenError: a character that is not among the tokens, unless those are skipped.
        """
        numbers = {token: number for number, token in enumerate(self.tokens)}
        if self.unit == "word":
            unknown = numbers[UNKNOWN]
            return np.array([numbers.get(word, unknown) for word in split_words(text)], np.int32)
        for position, character in enumerate(() if skip_unknown else text, start=1):
            if character not in numbers:
                raise UnknownTokenError(
                    f"{character!r} (U+{ord(character):04X}), character {position} of the text, is none of the "
                    f"{len(self)} characters that are known."
                )
        return np.array([numbers[character] for character in text if character in numbers], np.int32)

    def decode(self, numbers: Iterable[Any]) -> str:
        """The text of these tokens; of words, with the spaces that are usual. What is added does not change it before.

        >>> Vocabulary("character", ("a", "b")).decode([1, 0, 1])
        'bab'
        """
        tokens = [self.tokens[int(number)] for number in numbers]
        if self.unit == "character":
            return "".join(tokens)
        tokens = ["\n" if token == END_OF_LINE else token for token in tokens]
        spaced = (
            after if before in _OPENING or after in _CLOSING else f" {after}" for before, after in pairwise(tokens)
        )
        return "".join((*tokens[:1], *spaced))

    def pieces(self, numbers: Iterable[Any]) -> list[str]:
        r"""What each token is in the text that all of them make, with the space before a word that has one.

        >>> Vocabulary("word", (UNKNOWN, END_OF_LINE, "to", "be", ",")).pieces([2, 3, 4, 2, 3, 1])
        ['to', ' be', ',', ' to', ' be', '\n']
        """
        numbers = list(numbers)
        alone = [self.decode([number]) for number in numbers]
        if self.unit == "character":
            return alone
        both = (self.decode(pair) for pair in pairwise(numbers))
        return alone[:1] + [text[len(before) :] for text, before in zip(both, alone, strict=False)]

    def to_dict(self) -> dict[str, Any]:
        """For a record in JSON."""
        return {"unit": self.unit, "tokens": list(self.tokens)}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "Vocabulary":
        """What `to_dict` gave.

        >>> Vocabulary.from_dict(Vocabulary("character", ("a", "b")).to_dict()).tokens
        ('a', 'b')
        """
        return cls(record["unit"], tuple(record["tokens"]))


def characters_of(text: str) -> Vocabulary:
    """All characters of a text, sorted.

    >>> characters_of("abba").tokens
    ('a', 'b')
    """
    return Vocabulary("character", tuple(sorted(set(text))))


def words_of(text: str, min_count: int) -> Vocabulary:
    """The words of a text that occur at least so often, the most frequent first, after `<unk>` and `<eos>`.

    >>> words_of("to be or not to be", min_count=2).tokens
    ('<unk>', '<eos>', 'be', 'to')
    """
    counts = Counter(split_words(text))
    kept = sorted(
        (word for word, count in counts.items() if count >= min_count), key=lambda word: (-counts[word], word)
    )
    return Vocabulary("word", (UNKNOWN, END_OF_LINE, *(word for word in kept if word != END_OF_LINE)))


def bare_newlines(text: str) -> str:
    r"""A text whose lines end by newlines alone, as all texts that are read do.

    >>> bare_newlines("a\r\nb\rc\n")
    'a\nb\nc\n'
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split_words(text: str) -> list[str]:
    """A text as words, signs, and `<eos>` for each end of a line.

    >>> split_words("Well-to-do; don't!\\n")
    ['Well-to-do', ';', "don't", '!', '<eos>']
    """
    return [END_OF_LINE if token == "\n" else token for token in _words().findall(text)]


@functools.cache
def _words() -> re.Pattern[str]:
    """Line ends, words with what is within them (don't, well-to-do), and any other sign by itself; no spaces."""
    # Accents and vowel signs may be code points of their own, after the letter that they belong to.
    marks = "".join(chr(n) for n in range(0x300, 0x10000) if unicodedata.category(chr(n)).startswith("M"))
    letter = rf"(?:[^\W_][{marks}]*)"
    return re.compile(rf"\n|{letter}+(?:['’-]{letter}+)*|[^\w\s]|_")
