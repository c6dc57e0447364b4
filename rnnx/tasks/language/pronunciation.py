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
import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from rnnx import examples
from rnnx.data.cmudict import Dictionary, Pronunciation, cmudict, read_dictionary
from rnnx.tasks._bigram import bigram_cross_entropy
from rnnx.tasks._edit_distance import edit_distance
from rnnx.tasks._scores import accuracy, cross_entropy, exact
from rnnx.tasks.language._pairs import Pairs, codes, part_of
from rnnx.types import Batch, Decoding, Example, Task
from rnnx.vocabulary import END_OF_LINE, PairVocabulary, Vocabulary

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
    pairs, vocabulary = table.pairs, table.vocabulary

    def score(outputs: list[list[int]]) -> tuple[dict[str, float], list[dict[str, Any]]]:
        said = (tuple(vocabulary.target.tokens[code] for code in output) for output in outputs)
        return error_rates({word: listed for word, listed in table.words.items() if part_of(word) == "test"}, said)

    def example(batch: Batch) -> Example:
        assert batch.lengths is not None
        source = np.asarray(batch.inputs.source)[: int(batch.lengths[0]), 0]
        target = np.asarray(batch.targets)[: int(batch.inputs.target_lengths[0]), 0]
        said = [f"{vocabulary.target.tokens[code]} " for code in target[:-1]]
        return examples.translation(vocabulary.source.decode(source), [*said, "end"])

    *phonemes, _ = vocabulary.target.tokens
    tested = pairs.of("test")
    return Task(
        sample=pairs.sampler("train"),
        sample_heldout=pairs.sampler("heldout"),
        losses=cross_entropy,
        scores=lambda outputs, batch: {
            "accuracy": (accuracy(outputs, batch), batch.weights),
            "exact": exact(outputs, batch),
        },
        baseline_loss=lambda length: table.baseline_loss,
        input_size=len(vocabulary.source),
        output_size=len(vocabulary.target),
        vocab_size=len(vocabulary.source),
        loss_unit="cross-entropy (nats per phoneme)",
        min_length=pairs.min_length,
        data={
            "path" if path else "dictionary": dictionary.name,
            "sha256": dictionary.sha256,
            "split": "80/5/15 by a hash of the word",
            "letters": "".join(vocabulary.source.tokens),
            "phonemes": " ".join(phonemes),
        },
        test_batches=pairs.batches(tested),
        model="encoder_decoder",
        example=example,
        pair_vocabulary=vocabulary,
        decoding=Decoding(
            batches=pairs.batches(tested[np.unique(table.word[tested], return_index=True)[1]]),
            length=pairs.targets.shape[1],
            end=vocabulary.end,
            score=score,
        ),
    )


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


class _Table(NamedTuple):
    words: dict[str, tuple[Pronunciation, ...]]
    vocabulary: PairVocabulary
    pairs: Pairs  # of a word with one of its pronunciations
    word: np.ndarray  # [pairs], which one
    baseline_loss: float


@functools.cache
def _cmudict() -> Dictionary:
    """It is the same whenever it is read: another one would have another hash, and be refused."""
    return cmudict()


@functools.lru_cache(maxsize=2)
def _table(dictionary: Dictionary, stress: bool) -> _Table:
    words = dictionary.words if stress else {word: _without(listed) for word, listed in dictionary.words.items()}
    word = np.repeat(np.arange(len(words)), [len(listed) for listed in words.values()])
    said = list(itertools.chain.from_iterable(words.values()))
    letters = Vocabulary("character", tuple(sorted(set(itertools.chain.from_iterable(words)))))
    phonemes = Vocabulary("symbol", (*sorted(set(itertools.chain.from_iterable(said))), END_OF_LINE))
    place = {phoneme: n for n, phoneme in enumerate(phonemes.tokens)}
    end, O = place[END_OF_LINE], len(phonemes)
    sources, lengths = codes([letters.encode(word) for word in words], padding=len(letters) - 1)
    targets, target_lengths = codes([[*(place[phoneme] for phoneme in one), end] for one in said], padding=end)
    part = np.array([part_of(word) for word in words])
    pairs = Pairs(
        sources[word],
        lengths[word],
        targets,
        target_lengths,
        sizes=lengths[word],
        part=part[word],
        first=O,
        unit="words",
    ).check(dictionary.name)
    vocabulary = PairVocabulary(letters, phonemes, length=targets.shape[1])
    baseline = bigram_cross_entropy(targets, target_lengths, part[word], O)
    return _Table(words, vocabulary, pairs, word, baseline)


def _without(listed: tuple[Pronunciation, ...]) -> tuple[Pronunciation, ...]:
    """Pronunciations without stress, of which some are then the same."""
    return tuple(dict.fromkeys(tuple(phoneme.rstrip(_STRESS) or phoneme for phoneme in said) for said in listed))
