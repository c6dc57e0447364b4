"""Next-word prediction on real text: the word language model.

    inputs   To be , or not to be , that is the        targets   be , or not to be , that is the <unk>

Many-to-many, as `characters`. A token is a word, with the apostrophes and hyphens within it, a sign of punctuation, or
`<eos>`, the end of a line; capitals are kept. By position the first 90 % of the text are trained on, the next 5 % held
out, and the last 5 % tested on; each part ends at the end of a word. Tiny Shakespeare has two parts, as in
`characters`, 90 % and 10 %, the second of which is tested on as well.

The vocabulary is that of the part to train on alone. A word that is not in it, or occurs there less than `min_count`
times, is `<unk>`: a token as all others, to be read and to be predicted, and easier than the words that it stands for.
So perplexities compare where the vocabulary is the same. `Task.data` says how many of the tokens of each part are
`<unk>`. With the default `min_count` of 3:

    corpus             tokens to train on        V    <unk> of these    held out      test
    shakespeare                 1,211,366   13,779            1.98 %      5.28 %    5.27 %
    war_and_peace                 661,933    9,240            1.94 %      3.09 %    4.57 %
    tinyshakespeare               261,371    5,070            4.14 %      7.65 %    7.65 %
"""

import functools
from collections import Counter

import numpy as np

from rnnx import checks
from rnnx.data import Text
from rnnx.tasks._scores import accuracy, top_k
from rnnx.tasks.language import _text
from rnnx.tasks.language._text import Parts, Shares
from rnnx.types import Array, Batch, Scores, Task
from rnnx.vocabulary import END_OF_LINE, UNKNOWN, split_words, words_of


def words(*, corpus: str = "shakespeare", path: str = "", min_count: int = 3) -> Task:
    """Next-word prediction.

    Inputs and targets `[T, B]` whole numbers below V, the size of the vocabulary; outputs are logits `[T, B, V]`, which
    are large: 32 sequences of 64 steps are 100 MB. The loss is cross-entropy in nats per token, signs, `<eos>` and
    `<unk>` among them; the summary of a split has the perplexity, exp(Σ nats / Σ tokens). Scores: `accuracy`, and
    `top_5`, the share of tokens that are among the five most likely. `test_batches` has the test part as one text, in
    `batch_size` stretches that are read side by side, at most 256 steps and 2²⁵ logits a batch.

    The baseline is the held-out cross-entropy of a bigram model of the training text, all that can be known from the
    current token alone. Of most pairs of words there is no example, so it falls back on how often each word occurs
    (Witten & Bell 1991): p(b | a) = (n_ab + d_a p(b)) / (n_a + d_a), where d_a different tokens follow a.

    Args:
      corpus: the text, a name of `rnnx.data.texts`; it is fetched if it is not at hand.
      path: a file of one's own to take instead, as of `characters`.
      min_count: how often a word occurs in the part to train on, at least, to be in the vocabulary. With 1 `<unk>`
        never occurs in training.

    Raises:
      rnnx.data.DataError: the text can't be had, or is in another encoding.
      ValueError: unknown corpus; a text that is too short, or has no word so often; from `sample`, `sample_heldout` and
        `stream`, as of `characters`.

    >>> import jax
    >>> task = words()  # doctest: +SKIP
    >>> batch = task.sample(jax.random.key(0), 1, 8)  # doctest: +SKIP
    >>> task.vocabulary.decode(batch.inputs[:, 0])  # doctest: +SKIP
    '<unk> for a pair of <unk> <unk>:'
    """
    checks.size("min_count", min_count)
    text, shares = _text.read(corpus, path), _text.shares(corpus, path, (90, 5, 5))
    parts = _encoded(text, shares, min_count)
    unknown = parts.vocabulary.tokens.index(UNKNOWN)

    def scores(outputs: Array, batch: Batch) -> Scores:
        return {
            "accuracy": (accuracy(outputs, batch), batch.weights),
            "top_5": (top_k(outputs, batch, 5), batch.weights),
        }

    return _text.next_token(
        parts,
        scores=scores,
        baseline_loss=lambda length: _text.witten_bell_cross_entropy(parts),
        loss_unit="cross-entropy (nats per token)",
        summary=_text.perplexity,
        data=_text.provenance(text, path, shares, parts.vocabulary)
        | {
            f"unknown_{part}": f"{np.mean(tokens == unknown):.4f}"
            for part, tokens in (("train", parts.train), ("heldout", parts.heldout), ("test", parts.test))
        },
    )


@functools.lru_cache(maxsize=2)
def _encoded(text: Text, shares: Shares, min_count: int) -> Parts:
    texts = _text.cut(text.text, shares, border=r"\s|\Z")
    vocabulary = words_of(texts[0], min_count)
    if vocabulary.tokens == (UNKNOWN, END_OF_LINE) and (most := _most_frequent(texts[0])):
        raise ValueError(
            f"min_count must be at most {most}, as often as any word occurs in the part of {text.name} to train on, "
            f"not {min_count}."
        )
    return _text.encoded(text.name, texts, vocabulary)


def _most_frequent(text: str) -> int:
    """How often the most frequent word occurs."""
    return max(Counter(word for word in split_words(text) if word != END_OF_LINE).values(), default=0)
