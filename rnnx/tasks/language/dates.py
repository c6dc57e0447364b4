"""Sequence to sequence on dates: from the ways in which people write a date to the one of ISO 8601.

    source   T u e s d a y ,   S e p t e m b e r   3 ,   2 0 1 9        target   2 0 1 9 - 0 9 - 0 3

Every day from 1980 to 2029, in twelve formats of English, character by character; cross-entropy. Sources have 6 to 29
characters, targets 10. What is to be learnt is where in each format day, month and year stand, the numbers of months,
and the century of a year of two digits. Such dates are what attention is often taught on.

Each source has one meaning: with slashes the month comes first, with full stops the day, and fifty years leave no doubt
about the century. Which days are trained on, held out and tested on (some 8 : 1 : 1) is decided by a hash of the day,
for all its formats alike: no day of one part occurs in another, however it is written.

The formats are written out here. All but the one with an ordinal equal those of babel 2.19 for `en_US`, which is not
used: it would give 19 English names, and a table that differs between versions of its data (`Sep`, `Sept`).
"""

import datetime
import functools
import hashlib
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._edit_distance import exact_match
from rnnx.tasks._scores import accuracy, cross_entropy, exact
from rnnx.types import Array, Batch, Decoding, Example, Pair, Task
from rnnx.vocabulary import PairVocabulary, Vocabulary

_FIRST, _LAST = datetime.date(1980, 1, 1), datetime.date(2029, 12, 31)
_OUTPUTS = "0123456789-"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def formats(day: datetime.date) -> tuple[str, ...]:
    """A day in every format.

    >>> for source in formats(datetime.date(2019, 9, 3)):
    ...     print(source)
    9/3/19
    9/3/2019
    Sep 3, 2019
    September 3, 2019
    Tuesday, September 3, 2019
    3 Sep 2019
    3 September 2019
    3rd of September 2019
    Tue 3 Sep 2019
    03.09.19
    03.09.2019
    2019/09/03
    """
    d, m, y = day.day, day.month, day.year
    month, weekday = _MONTHS[m - 1], _WEEKDAYS[day.weekday()]
    ordinal = "th" if 11 <= d <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(d % 10, "th")
    return (
        f"{m}/{d}/{y % 100:02}",
        f"{m}/{d}/{y}",
        f"{month[:3]} {d}, {y}",
        f"{month} {d}, {y}",
        f"{weekday}, {month} {d}, {y}",
        f"{d} {month[:3]} {y}",
        f"{d} {month} {y}",
        f"{d}{ordinal} of {month} {y}",
        f"{weekday[:3]} {d} {month[:3]} {y}",
        f"{d:02}.{m:02}.{y % 100:02}",
        f"{d:02}.{m:02}.{y}",
        f"{y}/{m:02}/{d:02}",
    )


def dates() -> Task:
    """Dates as people write them, to be written as YYYY-MM-DD.

    Inputs are `Pair`: sources `[S, B]`, whole numbers below V, and what the decoder is given, the target of the step
    before (11 before the first); `lengths` are those of the sources. Targets, and weights of 1, are `[10, B]`, outputs
    logits `[10, B, 11]` for the digits and the hyphen. S is `length`, but at most 29: longer sources are not drawn, and
    so a smaller length leaves out long formats. `test_batches` has every day to test on, in all formats, and so has
    `decoding`, which gives the share of dates that a model writes without a mistake, and the character error rate.

    The baseline is ln 18263 / 10 = 0.98 nats per character, that of a writer who has not read the source and for whom
    all days are equally likely. `exact` is the share of examples with every character right, each given those before.

    Raises:
      ValueError: from `sample`, a length below 6, the shortest source; from `test_batches`, a size that is none.

    >>> import jax
    >>> batch = dates().sample(jax.random.key(0), 4, 29)
    >>> batch.inputs.source.shape, batch.targets.shape
    ((29, 4), (10, 4))
    """
    table, vocabulary = _table(), _vocabulary()
    sources, lengths, targets = (jnp.asarray(a) for a in (table.sources, table.lengths, table.targets))

    def batch(examples: Array | np.ndarray, width: int | None = None) -> Batch:
        target = targets[examples].T.astype(jnp.int32)
        before = jnp.concatenate([jnp.full_like(target[:1], len(_OUTPUTS)), target[:-1]])
        source = sources[examples][:, :width].T.astype(jnp.int32)
        return Batch(Pair(source, before), target, jnp.ones(target.shape), lengths[examples].astype(jnp.int32))

    def sampler(examples: np.ndarray) -> Callable[[Array, int, int], Batch]:
        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            checks.size("length of dates", length, least=int(table.lengths.min()))
            short_enough = jnp.asarray(examples[table.lengths[examples] <= length])
            return batch(jax.random.choice(key, short_enough, (batch_size,)), length)

        return sample

    def test_batches(batch_size: int) -> Iterator[Batch]:
        checks.size("batch_size", batch_size)
        return (batch(table.test[n : n + batch_size]) for n in range(0, len(table.test), batch_size))

    def score(outputs: list[list[int]]) -> tuple[dict[str, float], list[dict[str, Any]]]:
        return exact_match(_asked(), list(map(vocabulary.target.decode, outputs)))

    def example(batch: Batch) -> Example:
        assert batch.lengths is not None
        source = np.asarray(batch.inputs.source)[: int(batch.lengths[0]), 0]
        target = np.asarray(batch.targets)[:, 0]
        return examples.translation(vocabulary.source.decode(source), vocabulary.target.decode(target))

    return Task(
        sample=sampler(table.train),
        sample_heldout=sampler(table.heldout),
        losses=cross_entropy,
        scores=lambda outputs, batch: {
            "accuracy": (accuracy(outputs, batch), batch.weights),
            "exact": exact(outputs, batch),
        },
        baseline_loss=lambda length: math.log((_LAST - _FIRST).days + 1) / targets.shape[1],
        input_size=len(table.characters),
        output_size=len(_OUTPUTS),
        vocab_size=len(table.characters),
        loss_unit="cross-entropy (nats per character)",
        min_length=int(table.lengths.min()),
        data={"dates": f"{_FIRST} to {_LAST}", "characters": table.characters, "sha256": table.sha256},
        test_batches=test_batches,
        model="encoder_decoder",
        example=example,
        pair_vocabulary=vocabulary,
        decoding=Decoding(batches=test_batches, length=targets.shape[1], end=None, score=score),
    )


class _Table(NamedTuple):
    characters: str  # V of them, in the order of their codes
    sources: np.ndarray  # [examples, S]
    lengths: np.ndarray  # [examples]
    targets: np.ndarray  # [examples, T]
    train: np.ndarray  # which examples, whole numbers
    heldout: np.ndarray
    test: np.ndarray
    sha256: str


@functools.lru_cache(maxsize=1)
def _table() -> _Table:
    """All days in all formats, in this order."""
    days = [_FIRST + datetime.timedelta(n) for n in range((_LAST - _FIRST).days + 1)]
    written = [(source, str(day)) for day in days for source in formats(day)]
    characters = "".join(sorted({character for source, _ in written for character in source}))
    sources, targets = zip(*written, strict=True)
    split = np.array([hashlib.sha256(str(day).encode()).digest()[0] % 10 for day in days]).repeat(
        len(written) // len(days)
    )
    lengths = np.array([len(source) for source in sources], np.uint8)
    return _Table(
        characters,
        _codes(sources, characters),
        lengths,
        _codes(targets, _OUTPUTS),
        train=np.flatnonzero(split >= 2),
        heldout=np.flatnonzero(split == 1),
        test=np.flatnonzero(split == 0),
        sha256=hashlib.sha256("\n".join(f"{source}\t{target}" for source, target in written).encode()).hexdigest(),
    )


def _vocabulary() -> PairVocabulary:
    read, said = (Vocabulary("character", tuple(characters)) for characters in (_table().characters, _OUTPUTS))
    return PairVocabulary(read, said, length=_table().targets.shape[1])


def _asked() -> list[tuple[str, list[str]]]:
    """The sources to test on, each with what is right."""
    table, vocabulary = _table(), _vocabulary()
    return [
        (vocabulary.source.decode(table.sources[n, : table.lengths[n]]), [vocabulary.target.decode(table.targets[n])])
        for n in table.test
    ]


def _codes(texts: tuple[str, ...], characters: str) -> np.ndarray:
    """Texts as the places of their characters among those of a list, padded with 0 to the longest, `[texts, S]`."""
    width = max(map(len, texts))
    ascii_codes = np.frombuffer("".join(text.ljust(width, characters[0]) for text in texts).encode("ascii"), np.uint8)
    place = np.zeros(128, np.uint8)
    place[list(characters.encode("ascii"))] = np.arange(len(characters))
    return place[ascii_codes].reshape(len(texts), width)
