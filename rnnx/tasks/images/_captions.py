"""Captions, word by word: batches of them, and what is said of those that a model writes itself."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from rnnx import examples
from rnnx.tasks._scores import accuracy, exact
from rnnx.types import Array, Batch, Captioned, Example, Scores, Written

END = "end"
"""What stands for the end where people see it."""


class Split(NamedTuple):
    """What is written to, in order."""

    inputs: Sequence[str]
    """What each picture is called."""
    captions: Sequence[str]
    """Words with spaces between them."""


def batch(images: Array, codes: Array, lengths: Array, end: int) -> Batch:
    """Pictures `[B, Y, X, C]` with their captions `[B, T]`, numbers of words, each ended and filled up by `end`.

    Lengths `[B]` are with the end, which is scored too. Before the first word the decoder is given `end + 1`.
    """
    target = codes.T.astype(jnp.int32)
    before = jnp.concatenate([jnp.full_like(target[:1], end + 1), target[:-1]])
    written = lengths.astype(jnp.int32)
    weights = (jnp.arange(len(target), dtype=jnp.int32)[:, None] < written).astype(jnp.float32)
    return Batch(Captioned(images[None], before, written), target, weights)


def scores(outputs: Array, batch: Batch) -> Scores:
    """Of a model that is given the true words before each: words that are right, and captions that are as a whole."""
    return {"accuracy": (accuracy(outputs, batch), batch.weights), "exact": exact(outputs, batch)}


def example(words: Sequence[str], batch: Batch, n: int = 0) -> Example:
    """The n-th example of a batch as people see it."""
    codes = np.asarray(batch.targets)[: int(batch.inputs.target_lengths[n]) - 1, n]
    return examples.image(np.asarray(batch.inputs.image)[0, n], [*(words[code] for code in codes), END])


def targets(words: Sequence[str], batch: Batch) -> list[str]:
    """The captions of a batch."""
    rows = zip(np.asarray(batch.targets).T, np.asarray(batch.inputs.target_lengths), strict=True)
    return [said(words, codes[: length - 1]) for codes, length in rows]


def shown(words: Sequence[str], batch: Batch, outputs: Sequence[Sequence[int]]) -> list[Written]:
    """What was written to each example of a batch."""
    both = zip(targets(words, batch), outputs, strict=True)
    return [Written(example(words, batch, n), target, said(words, output)) for n, (target, output) in enumerate(both)]


def said(words: Sequence[str], codes: Sequence[int] | np.ndarray) -> str:
    """A caption of numbers of words.

    >>> said(("a", "cat"), [0, 1])
    'a cat'
    """
    return " ".join(words[code] for code in codes)


def score(
    splits: Mapping[str, Split], words: Sequence[str], outputs: Sequence[Sequence[int]]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Exact match and BLEU of what was written to one split after the other, each by itself, and how each caption went.

    Args:
      splits: by name.
      words: by number.
      outputs: numbers of words, without the end.

    Returns:
      `exact_<split>`, the share of captions that are right word by word; `bleu1_<split>` … `bleu4_<split>`.
    """
    numbers: dict[str, float] = {}
    records: list[dict[str, Any]] = []
    remaining = iter(outputs)
    for name, split in splits.items():
        written = [said(words, next(remaining)) for _ in split.captions]
        right = [output == caption for output, caption in zip(written, split.captions, strict=True)]
        numbers[f"exact_{name}"] = float(np.mean(right))
        numbers |= {f"bleu{n}_{name}": bleu(written, split.captions, n) for n in (1, 2, 3, 4)}
        records += [
            {"split": name, "input": asked, "targets": [caption], "output": output, "right": is_right}
            for asked, caption, output, is_right in zip(split.inputs, split.captions, written, right, strict=True)
        ]
    return numbers, records


def bleu(outputs: Sequence[str], captions: Sequence[str], n: int) -> float:
    """BLEU-n of a whole split, 0 to 100, by words as they stand, without smoothing (Papineni, Roukos, Ward & Zhu 2002).

    It counts the runs of up to n words of all captions together, so that those of fewer words than n add nothing to the
    last count: where all are so short it is 0.

    >>> round(bleu(["a small red circle"], ["a large red circle"], 1), 9), bleu(["red apple"], ["red apple"], 4)
    (75.0, 0.0)
    """
    from sacrebleu.metrics import BLEU  # a tenth of a second, for the end of a trial alone

    metric = BLEU(max_ngram_order=n, tokenize="none", smooth_method="none", force=True)
    return min(float(metric.corpus_score(list(outputs), [list(captions)]).score), 100.0)  # it may round up to more
