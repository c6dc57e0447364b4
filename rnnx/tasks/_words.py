"""Texts as words, which part of the data a text belongs to, and words as numbers."""

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from rnnx.vocabulary import UNKNOWN

PARTS = 10
"""How many parts there are for `part_of`."""

_WORD = re.compile(
    r"\w+?(?=n't\b)|n't\b|'(?:s|re|ve|ll|d|m)\b"  # does n't, it 's
    r"|\w+(?:[-/.,:]\w+)*"  # well-made, 1/2, 3,000
    r"|\.\.\.|--|[^\w\s]",
    re.IGNORECASE,
)


def words_of(text: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """A text as the words and signs that it is made of, much as the Penn Treebank has them.

    What stands between two spaces is one of them if it is known, as `Mr.` may be; else it is taken apart.

    >>> words_of("It doesn't work, Mr. Holmes.", known={"Mr."})
    ('It', 'does', "n't", 'work', ',', 'Mr.', 'Holmes', '.')
    """
    found: list[str] = []
    for piece in text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split():
        found += [piece] if piece in known else _WORD.findall(piece)
    return tuple(found)


def part_of(text: str) -> int:
    """The part of the data that a text belongs to, of `PARTS`: by a hash of it, so that no text is in two of them.

    >>> part_of("good film"), part_of("bad film")
    (7, 7)
    """
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % PARTS


@dataclasses.dataclass(frozen=True)
class Words:
    """The words that have numbers, of which 0 is that of all others."""

    words: tuple[str, ...]
    """V of them, in the order of their numbers; the first is `<unk>`."""

    @classmethod
    def occurring_twice(cls, texts: Iterable[Sequence[str]]) -> "Words":
        """The words that occur more than once in these texts: so the unknown word is learnt from those that do not.

        >>> Words.occurring_twice([("a", "film"), ("a", "bore")]).words
        ('<unk>', 'a')
        """
        counts = Counter(word for text in texts for word in text)
        return cls((UNKNOWN, *sorted(word for word, count in counts.items() if count > 1)))

    def numbers(self) -> dict[str, int]:
        """The number of each word."""
        return {word: number for number, word in enumerate(self.words)}

    def padded(self, texts: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """Texts `[texts, longest]` as numbers, 0 past their ends, and how many words each has."""
        numbers = self.numbers()
        lengths = np.array([len(text) for text in texts])
        codes = np.zeros((len(texts), lengths.max()), np.min_scalar_type(-len(self.words)))
        for n, text in enumerate(texts):
            codes[n, : len(text)] = [numbers.get(word, 0) for word in text]
        return codes, lengths
