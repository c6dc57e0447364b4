"""Texts as whole numbers, and back: by characters, which are Unicode code points, by words, or by other symbols."""

import dataclasses
import functools
import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
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
    """The tokens that a model reads or writes: token n is what the number n stands for.

    Characters are Unicode code points, so that a combining accent is a token by itself. Words have `<eos>` for the end
    of a line, and `<unk>` for each word that is not among the tokens. Symbols are whatever a text has between spaces.

    Attributes:
      unit: what a token is.
      tokens: V of them, all different.
      lower_case: whether a text is read in lower case.

    >>> vocabulary = Vocabulary("word", (UNKNOWN, END_OF_LINE, "Don't", "go", "!"))
    >>> vocabulary.encode("Don't go there!\\n").tolist()
    [2, 3, 0, 4, 1]
    >>> vocabulary.decode([2, 3, 0, 4, 1])
    "Don't go <unk>!\\n"
    """

    unit: Literal["character", "word", "symbol"]
    tokens: tuple[str, ...]
    lower_case: bool = False

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
        """The numbers of the tokens of a text, int32; what is not known becomes `<unk>` where that is a token.

        Raises:
          UnknownTokenError: something else that is not among the tokens, unless that is skipped.
        """
        numbers = self._numbers
        pieces = self._split(text.lower() if self.lower_case else text)
        if UNKNOWN in numbers:
            return np.array([numbers.get(piece, numbers[UNKNOWN]) for piece in pieces], np.int32)
        for position, piece in enumerate(() if skip_unknown else pieces, start=1):
            if piece not in numbers:
                code = f" (U+{ord(piece):04X})" if self.unit == "character" else ""
                raise UnknownTokenError(
                    f"{piece!r}{code}, {self.unit} {position} of the text, is none of the {len(self)} {self.unit}s "
                    "that are known."
                )
        return np.array([numbers[piece] for piece in pieces if piece in numbers], np.int32)

    @functools.cached_property
    def _numbers(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}

    def _split(self, text: str) -> Sequence[str]:
        if self.unit == "word":
            return split_words(text)
        return text if self.unit == "character" else text.split()

    def decode(self, numbers: Iterable[Any]) -> str:
        """The text of these tokens; of words, with the spaces that are usual, and of symbols one between any two. What
        is added does not change it before.

        >>> Vocabulary("character", ("a", "b")).decode([1, 0, 1])
        'bab'
        """
        tokens = [self.tokens[int(number)] for number in numbers]
        if self.unit != "word":
            return ("" if self.unit == "character" else " ").join(tokens)
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
        lower_case = {"lower_case": True} if self.lower_case else {}
        return {"unit": self.unit, "tokens": list(self.tokens), **lower_case}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "Vocabulary":
        """What `to_dict` gave.

        >>> Vocabulary.from_dict(Vocabulary("character", ("a", "b")).to_dict()).tokens
        ('a', 'b')
        """
        return cls(record["unit"], tuple(record["tokens"]), record.get("lower_case", False))


@dataclasses.dataclass(frozen=True)
class PairVocabulary:
    """What the tokens of sequence to sequence stand for: those that are read, and those that are written.

    Attributes:
      source: of what is read.
      target: of what is written; `<eos>`, if it is among its tokens, ends it.
      length: how many tokens are written at most, the end included; `None` for as many as the source has.

    >>> letters = Vocabulary("character", ("a", "b"))
    >>> phonemes = Vocabulary("symbol", ("AE", "B", END_OF_LINE))
    >>> pair = PairVocabulary(letters, phonemes, length=8)
    >>> pair.end, pair.target.decode([0, 1])
    (2, 'AE B')
    """

    source: Vocabulary
    target: Vocabulary
    length: int | None

    @property
    def end(self) -> int | None:
        """The token that ends what is written; `None` where all of it is of the full length."""
        return self.target.tokens.index(END_OF_LINE) if END_OF_LINE in self.target.tokens else None

    def to_dict(self) -> dict[str, Any]:
        """For a record in JSON."""
        return {"source": self.source.to_dict(), "target": self.target.to_dict(), "length": self.length}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "PairVocabulary":
        """What `to_dict` gave.

        >>> letters = Vocabulary("character", ("a", "b"))
        >>> PairVocabulary.from_dict(PairVocabulary(letters, letters, None).to_dict()).end is None
        True
        """
        source, target = (Vocabulary.from_dict(record[side]) for side in ("source", "target"))
        return cls(source, target, record["length"])


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
