"""Pronunciation of English words: from letters to phonemes, "grapheme to phoneme", by the CMU Pronouncing Dictionary.

    source   t o m a t o        target   T AH M EY T OW <end>     or     T AH M AA T OW <end>

Sequence to sequence, a letter and a phoneme a step; cross-entropy. A word with several pronunciations is an example
with each of them in training, and right with any of them when it is tested. Without stress, as is usual, `AH0` and
`AH1` are one phoneme.

By word some 80 % are trained on, 5 % held out and 15 % tested on, with all their pronunciations; which of these a word
belongs to follows from a hash of the word alone, so that another version of the dictionary moves none. Inflections are
words of their own: `tomatoes` may be trained on where `tomato` is tested.

Two numbers of what a model writes by itself (`Task.decoding`) are those that papers give:

- word error rate: the share of words whose output is none of the pronunciations listed;
- phoneme error rate: Σ edit distance to the nearest pronunciation / Σ phonemes of that, over all words.

Published for the present dictionary without stress, on another split: word error rates of 33.9 % and about 31 %
(the README of CMU's g2p-seq2seq). Rates of 20 to 25 % are of other data, a split of an older dictionary.
"""

import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.data.cmudict import Dictionary, Pronunciation, cmudict, read_dictionary
from rnnx.tasks._bigram import bigram_cross_entropy
from rnnx.tasks._edit_distance import edit_distance
from rnnx.tasks._scores import accuracy, cross_entropy, exact
from rnnx.types import Array, Batch, Decoding, Example, Pair, Task

_STRESS = "012"


def pronunciation(*, stress: bool = False, path: str = "") -> Task:
    """Letters of a word, to be told as phonemes.

    Inputs are `Pair`: sources `[S, B]`, letters as whole numbers below V, with their `lengths`, and what the decoder is
    given, the target of the step before (P + 1 before the first), with `target_lengths`. Targets `[T, B]` are phonemes,
    whole numbers below P, and P after the last; weights 1 up to it. Outputs are logits `[T, B, P + 1]`. S is `length`,
    but at most that of the longest word: longer words are not drawn. T is what the longest pronunciation of these
    takes. 12 letters are enough for 97 words of 100. `test_batches` has every word of the test split with each of its
    pronunciations, whatever its length, and `decoding` every word once.

    The baseline is the held-out cross-entropy of a bigram model of the phonemes to train on: all that can be known from
    the phoneme before. Scores are of a model that is given the true phonemes before each: `accuracy` of phonemes, the
    end included, and `exact`, the share of pronunciations that are right as a whole.

    Args:
      stress: whether the stress of vowels is told too, the last digit (0, 1, 2) of a phoneme: 69 of them, and not 39.
      path: a dictionary of one's own in the form of CMU's, `rnnx.data.cmudict`, to take instead; relative to the
        working directory, `~` is the home directory.

    Raises:
      rnnx.data.DataError: the dictionary can't be had, or is damaged.
      ValueError: a dictionary without a word in one of the parts; from `sample`, a length below that of the shortest
        word; from `test_batches` and `decoding.batches`, a size that is none.

    >>> import jax
    >>> batch = pronunciation().sample(jax.random.key(0), 4, 12)  # doctest: +SKIP
    >>> batch.inputs.source.shape, batch.targets.shape  # doctest: +SKIP
    ((12, 4), (16, 4))
    """
    dictionary = read_dictionary(path) if path else _cmudict()
    table = _table(dictionary, stress)
    sources, lengths, targets, target_lengths, word = (jnp.asarray(a) for a in table.arrays)
    P, part = len(table.phonemes), table.part[table.arrays.word]

    def sizes(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many letters, and how many phonemes with the end, each has."""
        return table.arrays.lengths[table.arrays.word[pairs]], table.arrays.target_lengths[pairs]

    def batch(pairs: Array | np.ndarray, width: int, target_width: int) -> Batch:
        target = targets[pairs][:, :target_width].T.astype(jnp.int32)
        before = jnp.concatenate([jnp.full_like(target[:1], P + 1), target[:-1]])
        written = target_lengths[pairs].astype(jnp.int32)
        return Batch(
            inputs=Pair(sources[word[pairs]][:, :width].T.astype(jnp.int32), before, written),
            targets=target,
            weights=(jnp.arange(len(target))[:, None] < written).astype(jnp.float32),
            lengths=lengths[word[pairs]].astype(jnp.int32),
        )

    def sampler(pairs: np.ndarray) -> Callable[[Array, int, int], Batch]:
        letters, phonemes = sizes(pairs)

        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            checks.size("length of words", length, least=int(letters.min()))
            short_enough = letters <= length
            drawn = jax.random.choice(key, jnp.asarray(pairs[short_enough]), (batch_size,))
            return batch(drawn, length, int(phonemes[short_enough].max()))

        return sample

    def batches_of(pairs: np.ndarray) -> Callable[[int], Iterator[Batch]]:
        def batches(batch_size: int) -> Iterator[Batch]:
            checks.size("batch_size", batch_size)
            widths = [int(lengths.max()) for lengths in sizes(pairs)]
            return (batch(pairs[n : n + batch_size], *widths) for n in range(0, len(pairs), batch_size))

        return batches

    def score(outputs: list[list[int]]) -> tuple[dict[str, float], list[dict[str, Any]]]:
        said = (tuple(table.phonemes[code] for code in output) for output in outputs)
        return error_rates({word: listed for word, listed in table.words.items() if part_of(word) == "test"}, said)

    def example(batch: Batch) -> Example:
        assert batch.lengths is not None
        source = np.asarray(batch.inputs.source)[: int(batch.lengths[0]), 0]
        target = np.asarray(batch.targets)[: int(batch.inputs.target_lengths[0]), 0]
        said = [f"{table.phonemes[code]} " for code in target[:-1]]
        return examples.translation([table.letters[code] for code in source], [*said, "end"])

    tested = np.flatnonzero(part == "test")
    return Task(
        sample=sampler(np.flatnonzero(part == "train")),
        sample_heldout=sampler(np.flatnonzero(part == "heldout")),
        losses=cross_entropy,
        scores=lambda outputs, batch: {
            "accuracy": (accuracy(outputs, batch), batch.weights),
            "exact": exact(outputs, batch),
        },
        baseline_loss=lambda length: table.baseline_loss,
        input_size=len(table.letters),
        output_size=P + 1,
        vocab_size=len(table.letters),
        loss_unit="cross-entropy (nats per phoneme)",
        min_length=table.min_length,
        data={
            "path" if path else "dictionary": dictionary.name,
            "sha256": dictionary.sha256,
            "split": "80/5/15 by a hash of the word",
            "letters": "".join(table.letters),
            "phonemes": " ".join(table.phonemes),
        },
        test_batches=batches_of(tested),
        model="encoder_decoder",
        example=example,
        decoding=Decoding(
            batches=batches_of(tested[np.unique(table.arrays.word[tested], return_index=True)[1]]),
            length=targets.shape[1],
            end=P,
            score=score,
        ),
    )


def part_of(word: str) -> str:
    """The part of the data that a word belongs to: `train`, `heldout` or `test`.

    >>> part_of("banana"), part_of("hebe"), part_of("school")
    ('train', 'heldout', 'test')
    """
    share = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big") % 20
    return "heldout" if share == 0 else "test" if share < 4 else "train"


def error_rates(
    words: dict[str, tuple[Pronunciation, ...]], outputs: Iterable[Pronunciation]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Word and phoneme error rate, and how each word went.

    Args:
      words: with the pronunciations that are right, of which the first of the nearest counts.
      outputs: a pronunciation for each word.

    >>> rates, (tomato,) = error_rates({"tomato": (tuple("TAMETO"), tuple("TAMATO"))}, [tuple("TOMATO")])
    >>> rates["word_error_rate"], tomato["errors"], tomato["phonemes"]
    (1.0, 1, 6)
    """
    records = []
    wrong = errors = phonemes = 0
    for (word, right), output in zip(words.items(), outputs, strict=True):
        distances = [edit_distance(output, one) for one in right]
        nearest = int(np.argmin(distances))
        wrong += distances[nearest] > 0
        errors += distances[nearest]
        phonemes += len(right[nearest])
        records.append(
            {
                "input": word,
                "targets": [" ".join(one) for one in right],
                "output": " ".join(output),
                "errors": distances[nearest],
                "phonemes": len(right[nearest]),
            }
        )
    return {"word_error_rate": wrong / len(records), "phoneme_error_rate": errors / phonemes}, records


class _Arrays(NamedTuple):
    """Of words, and of pairs of a word with one of its pronunciations."""

    sources: np.ndarray  # [words, S]
    lengths: np.ndarray  # [words]
    targets: np.ndarray  # [pairs, T], the end after the last phoneme and in the padding
    target_lengths: np.ndarray  # [pairs], the end included
    word: np.ndarray  # [pairs], which one


class _Table(NamedTuple):
    words: dict[str, tuple[Pronunciation, ...]]
    letters: list[str]  # V of them, in the order of their numbers
    phonemes: list[str]  # P of them
    arrays: _Arrays
    part: np.ndarray  # [words]: train, heldout or test
    min_length: int
    baseline_loss: float


@functools.cache
def _cmudict() -> Dictionary:
    """It is the same whenever it is read: another one would have another hash, and be refused."""
    return cmudict()


@functools.lru_cache(maxsize=2)
def _table(dictionary: Dictionary, stress: bool) -> _Table:
    words = dictionary.words if stress else {word: _without(listed) for word, listed in dictionary.words.items()}
    pairs = list(itertools.chain.from_iterable(words.values()))
    letters = sorted(set(itertools.chain.from_iterable(words)))
    phonemes = sorted(set(itertools.chain.from_iterable(pairs)))
    sources, lengths = _codes(list(words), letters)
    targets, target_lengths = _codes([(*said, "") for said in pairs], [*phonemes, ""])  # no phoneme is empty
    word = np.repeat(np.arange(len(words)), [len(listed) for listed in words.values()])
    part = np.array([part_of(word) for word in words])
    for name, said in (("train", "train on"), ("heldout", "hold out"), ("test", "test on")):
        if not (part == name).any():
            raise ValueError(f"{dictionary.name} has too few words: of {len(words)} there is none to {said}.")
    return _Table(
        words,
        letters,
        phonemes,
        _Arrays(sources, lengths, targets, target_lengths, word),
        part,
        min_length=max(int(lengths[part == name].min()) for name in ("train", "heldout")),
        baseline_loss=bigram_cross_entropy(targets, target_lengths, part[word], len(phonemes) + 1),
    )


def _without(listed: tuple[Pronunciation, ...]) -> tuple[Pronunciation, ...]:
    """Pronunciations without stress, of which some are then the same."""
    return tuple(dict.fromkeys(tuple(phoneme.rstrip(_STRESS) or phoneme for phoneme in said) for said in listed))


def _codes(sequences: Sequence[Sequence[str]], symbols: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Sequences as the places of their symbols among those of a list, padded with the last one; and their lengths."""
    place = {symbol: n for n, symbol in enumerate(symbols)}
    lengths = np.array([len(sequence) for sequence in sequences])
    codes = np.full((len(sequences), lengths.max()), len(symbols) - 1, np.min_scalar_type(len(symbols)))
    codes[np.arange(lengths.max()) < lengths[:, None]] = [place[symbol] for one in sequences for symbol in one]
    return codes, lengths
