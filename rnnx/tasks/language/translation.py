"""Translation: sentences of one language, to be said in another, by words; or any pairs of texts of one's own.

    source   ein hund läuft durch den schnee .        target   a dog runs through the snow . <eos>

Sequence to sequence, a word a step; cross-entropy. By default from German to English on Multi30k, 29,000 sentences to
train on, 1014 held out and 1000 to test on (those of 2016). Texts are read in lower case; a token is a word, with the
apostrophes and hyphens within it, or a sign of punctuation (`rnnx.vocabulary.split_words`). A vocabulary is that of the
part to train on alone, and what occurs there less than `min_count` times is `<unk>`: with 2 there are 7854 German and
5975 English ones, and `<unk>` is 3.7 % of the German tokens to test on and 1.7 % of the English.

What others reach by words on this split, with teacher forcing and by greedy search, in ten passes (B. Trevett's
notebooks in pytorch-seq2seq, networks of 512 units; words by spaCy, 7853 and 5893 of them): test perplexities of 52.0
without attention, 34.7 where each step sees how the source ended, 24.0 with attention, and 23.2 where that is masked,
as here, with a BLEU of 28.1. Run again by others: perplexities of 43.8, 37.5 and 25.6, BLEU of 13.8, 20.6 and 28.3.
Their BLEU is one of their tokens, and so near to the one here, and not equal.

BLEU (Papineni et al. 2002) is that of a corpus as sacrebleu computes it (Post 2018), of the text that is written and
the reference as it was published: `nrefs:1|case:lc|eff:no|tok:13a|smooth:exp`. Spaces and signs are thus nobody's
advantage, and `<unk>` is a word that is never right.
"""

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from rnnx import checks, examples
from rnnx.data import read_pairs
from rnnx.data.multi30k import LANGUAGES, multi30k
from rnnx.tasks._edit_distance import exact_match
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.tasks.language import _text
from rnnx.tasks.language._pairs import Pairs, codes, part_of
from rnnx.types import Batch, Decoding, Example, Task
from rnnx.vocabulary import END_OF_LINE, UNKNOWN, PairVocabulary, Vocabulary, characters_of, split_words, words_of

_NEVER_RIGHT = "\N{DOUBLE QUESTION MARK}"
"""In place of `<unk>` where it is scored: sacrebleu would take that for three tokens."""


def translation(
    *,
    source: str = "de",
    target: str = "en",
    path: str = "",
    unit: Literal["word", "character"] = "word",
    min_count: int = 2,
) -> Task:
    """Sentences to be said in another language.

    Inputs are `Pair`: sources `[S, B]`, whole numbers below V, with their `lengths`, and what the decoder is given, the
    target of the step before (O before the first), with `target_lengths`. Targets `[T, B]` are whole numbers below O,
    the size of the other vocabulary, `<eos>` after the last; weights 1 up to it. Outputs are logits `[T, B, O]`. Pairs
    are drawn whose source and target have at most `length` tokens, `<eos>` apart: S is `length`, and T one more, but at
    most what the longest of these takes. All steps are computed, so that a small `length` is what makes training fast:
    with 20 it leaves out 6 pairs of 100, and 36 of 100 steps of the decoder are padding. `test_batches` has all pairs
    of the test split whatever their length, and `decoding` every source of them once.

    The summary of a split has the perplexity, exp(Σ nats / Σ tokens), `<eos>` and `<unk>` among them. The baseline is
    the held-out cross-entropy of a bigram model of the targets, all that can be known from the token before, as of the
    task `words`. `accuracy` is the share of tokens that are right given the true ones before.

    By words, `decoding` gives BLEU; by characters, the share of outputs that are one of the right targets, and the
    character error rate, Σ edits to the nearest / Σ characters of that.

    Args:
      source, target: languages of Multi30k, `de`, `en` or `fr`.
      path: a file of pairs of one's own to take instead, a source and its target a line with a tab between them
        (`rnnx.data.read_pairs`); relative to the working directory, `~` is the home directory. Some 80 % of the sources
        are trained on, 5 % held out and 15 % tested on: a hash of the source says which, so that a source with several
        targets is in one part with all of them, each of which is then right.
      unit: what a token is; characters are those of all pairs, and are not made lower case.
      min_count: how often a word occurs in the part to train on, at least, to be in a vocabulary.

    Raises:
      rnnx.data.DataError: the sentences can't be had, or are damaged.
      ValueError: an unknown language or unit, or one language twice; a file without a pair in one of the parts; a
        `min_count` that no word comes to; from `sample`, a length below that of the shortest pair; from `test_batches`
        and `decoding.batches`, a size that is none.

    >>> import jax
    >>> batch = translation().sample(jax.random.key(0), 4, 20)  # doctest: +SKIP
    >>> batch.inputs.source.shape, batch.targets.shape  # doctest: +SKIP
    ((20, 4), (21, 4))
    """
    checks.choice("unit", unit, ("word", "character"))
    checks.size("min_count", min_count)
    for name, language in (("source", source), ("target", target)):
        checks.choice(name, language, LANGUAGES)
    if source == target and not path:
        raise ValueError(f"source and target are both {source!r}: a language is translated into another one.")
    corpus = _own(path) if path else _multi30k(source, target)
    table = _table(corpus, unit, min_count)
    pairs, vocabulary = table.pairs, table.vocabulary
    tested = pairs.of("test")
    once: dict[str, int] = {}  # where each source to test on stands first
    asked: dict[str, list[str]] = {}
    for n in tested:
        once.setdefault(corpus.sources[n], n)
        asked.setdefault(corpus.sources[n], []).append(corpus.targets[n])

    def score(outputs: list[list[int]]) -> tuple[dict[str, float], list[dict[str, Any]]]:
        texts = [vocabulary.target.decode(output) for output in outputs]
        return (bleu if unit == "word" else exact_match)(list(asked.items()), texts)

    def example(batch: Batch) -> Example:
        assert batch.lengths is not None
        read = np.asarray(batch.inputs.source)[: int(batch.lengths[0]), 0]
        said = np.asarray(batch.targets)[: int(batch.inputs.target_lengths[0]) - 1, 0]
        return examples.translation(vocabulary.source.pieces(read), [*vocabulary.target.pieces(said), "end"])

    return Task(
        sample=pairs.sampler("train"),
        sample_heldout=pairs.sampler("heldout"),
        losses=cross_entropy,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: table.baseline_loss,
        input_size=len(vocabulary.source),
        output_size=len(vocabulary.target),
        vocab_size=len(vocabulary.source),
        loss_unit=f"cross-entropy (nats per {'token' if unit == 'word' else unit})",
        min_length=pairs.min_length,
        data={
            "path" if path else "corpus": corpus.name,
            **dict(corpus.files),
            "split": "80/5/15 by a hash of the source" if path else "29,000/1,014/1,000 as published, of 2016",
            "source_vocabulary_sha256": vocabulary.source.sha256,
            "target_vocabulary_sha256": vocabulary.target.sha256,
        },
        test_batches=pairs.batches(tested),
        summary=_text.perplexity,
        model="encoder_decoder",
        example=example,
        pair_vocabulary=vocabulary,
        decoding=Decoding(
            batches=pairs.batches(np.array(list(once.values()))),
            length=pairs.targets.shape[1],
            end=vocabulary.end,
            score=score,
        ),
    )


def bleu(
    asked: Sequence[tuple[str, Sequence[str]]], outputs: Sequence[str]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """BLEU of all outputs together, and of each by itself, both from 0 to 100.

    That of a sentence counts as many orders as it has words for, with exponential smoothing (sacrebleu's
    `sentence_bleu`); the first is no mean of these.

    Args:
      asked: each source, with the targets any of which is right.
      outputs: a text for each.

    >>> numbers, (one, _) = bleu([("a", ["The dog runs."]), ("b", ["It is cold."])], ["the dog runs.", "it snows."])
    >>> round(numbers["bleu"], 1), round(one["bleu"], 1)
    (66.3, 100.0)
    """
    said = [output.replace(UNKNOWN, _NEVER_RIGHT) for output in outputs]
    references = list(map(list, itertools.zip_longest(*(targets for _, targets in asked))))
    of_one = BLEU(lowercase=True, effective_order=True)
    records = [
        {"input": source, "targets": list(targets), "output": output, "bleu": of_one.sentence_score(one, targets).score}
        for (source, targets), output, one in zip(asked, outputs, said, strict=True)
    ]
    return {"bleu": BLEU(lowercase=True).corpus_score(said, references).score}, records


@dataclasses.dataclass(frozen=True)
class _Corpus:
    """Pairs as they were published, N of them; equal to others of the same files."""

    name: str
    files: tuple[tuple[str, str], ...]  # path and sha256 of each
    sources: tuple[str, ...] = dataclasses.field(compare=False)
    targets: tuple[str, ...] = dataclasses.field(compare=False)
    part: tuple[str, ...] | None = dataclasses.field(compare=False)  # of each pair; None: a hash says it


@functools.cache
def _multi30k(source: str, target: str) -> _Corpus:
    """It is the same whenever it is read: other files would have another hash, and be refused."""
    corpus = multi30k()
    parts = {"train": corpus.train, "heldout": corpus.val, "test": corpus.test}
    sources, targets = (tuple(line for part in parts.values() for line in part[side]) for side in (source, target))
    part = tuple(name for name, lines in parts.items() for _ in lines[source])
    files = tuple((path, sha256) for path, sha256 in corpus.sha256.items() if path.split(".")[1] in (source, target))
    return _Corpus(f"multi30k {source}-{target}", files, sources, targets, part)


def _own(path: str) -> _Corpus:
    own = read_pairs(path)
    sources, targets = zip(*own.pairs, strict=True)
    return _Corpus(own.name, (("sha256", own.sha256),), sources, targets, None)


class _Table(NamedTuple):
    vocabulary: PairVocabulary
    pairs: Pairs
    baseline_loss: float


@functools.lru_cache(maxsize=2)
def _table(corpus: _Corpus, unit: Literal["word", "character"], min_count: int) -> _Table:
    """The pairs as whole numbers."""
    part = np.array(corpus.part or [part_of(_normal(source, unit)) for source in corpus.sources])

    def vocabulary(side: str, texts: tuple[str, ...]) -> Vocabulary:
        if unit == "character":
            return Vocabulary(unit, (*characters_of("".join(texts)).tokens, END_OF_LINE))
        trained_on = [text for text, where in zip(texts, part, strict=True) if where == "train"]
        found = words_of("\n".join(trained_on).lower(), min_count)
        if found.tokens == (UNKNOWN, END_OF_LINE) and trained_on:
            raise ValueError(f"min_count = {min_count} leaves no word of the {side}s of {corpus.name} to train on.")
        return dataclasses.replace(found, lower_case=True)

    whole = vocabulary("source", corpus.sources)
    read = dataclasses.replace(whole, tokens=tuple(token for token in whole.tokens if token != END_OF_LINE))
    said = vocabulary("target", corpus.targets)
    end = said.tokens.index(END_OF_LINE)
    sources, lengths = codes([read.encode(source) for source in corpus.sources], padding=len(read) - 1)
    targets, target_lengths = codes([[*said.encode(target), end] for target in corpus.targets], padding=len(said) - 1)
    sizes = np.maximum(lengths, target_lengths - 1)
    pairs = Pairs(sources, lengths, targets, target_lengths, sizes, part, first=len(said), unit="pairs")
    pairs.check(corpus.name)

    def in_a_row(part: str) -> np.ndarray:
        """All targets of a part, each after an end."""
        which = pairs.of(part)
        there = np.arange(targets.shape[1]) < target_lengths[which, None]
        return np.insert(targets[which][there], 0, end)

    train, heldout = in_a_row("train"), in_a_row("heldout")
    baseline = _text.witten_bell_cross_entropy(_text.Parts(said, train, heldout, heldout))
    return _Table(PairVocabulary(read, said, length=targets.shape[1]), pairs, baseline)


def _normal(source: str, unit: str) -> str:
    """What two sources have in common that are the same to a model."""
    return source if unit == "character" else " ".join(split_words(source.lower()))
