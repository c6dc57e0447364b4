"""Next-character prediction on real text: the character language model.

    inputs   F i r s t   C i t i z e        targets   i r s t   C i t i z e n

Many-to-many: at every step the next character is predicted from those before it. Each sequence starts at a random place
with an empty memory; those of a stream go on where the ones of the batch before ended, from first places that lie
equally far apart in the text.

By position the first 80 % of the text are trained on, the next 10 % held out, and the last 10 % tested on. Tiny
Shakespeare is divided as it is by others (Karpathy's nanoGPT): 90 % and 10 %, and as there is no third part, it is the
second that is tested on as well. A number for it is one of the part that a checkpoint was chosen by.

Characters are Unicode code points, those of the whole text.
"""

import functools
import math

import numpy as np

from rnnx.data import Text
from rnnx.tasks._scores import accuracy
from rnnx.tasks.language import _text
from rnnx.tasks.language._text import Parts, Shares
from rnnx.types import Task
from rnnx.vocabulary import characters_of


def characters(*, corpus: str = "tinyshakespeare", path: str = "") -> Task:
    """Next-character prediction.

    Inputs and targets `[T, B]` whole numbers below V, the number of distinct characters in the text; outputs are logits
    `[T, B, V]`; the loss is cross-entropy in nats per character, which the summary of a split gives in bits too. The
    text is one array on the device, sampled by index inside `jit`. `test_batches` has the test part as one text, in
    `batch_size` stretches that are read side by side, at most 256 steps a batch. The baseline is the held-out
    cross-entropy of a bigram model of the training text: all that can be known from the current character alone.

    Args:
      corpus: the text, a name of `rnnx.data.texts`; it is fetched if it is not at hand.
      path: a file of one's own to take instead, text in UTF-8; relative to the working directory, `~` is the home
        directory. Lines may end in any of the usual ways, and all of them do so in a bare newline here.

    Raises:
      rnnx.data.DataError: the text can't be had, or is in another encoding.
      ValueError: unknown corpus; a text that is too short, or of a single character; from `sample` and
        `sample_heldout`, a length longer than their part of the text; from `stream`, more examples than there are
        stretches of that length.

    >>> import jax
    >>> batch = characters().sample(jax.random.key(0), 4, 10)  # doctest: +SKIP
    >>> batch.inputs.shape, bool((batch.inputs[1:] == batch.targets[:-1]).all())  # doctest: +SKIP
    ((10, 4), True)
    """
    text, shares = _text.read(corpus, path), _text.shares(corpus, path, (80, 10, 10))
    parts = _encoded(text, shares)
    return _text.next_token(
        parts,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: _bigram_cross_entropy(parts),
        loss_unit="cross-entropy (nats per character)",
        summary=lambda means: {"bits_per_character": means["loss"] / math.log(2)},
        data=_text.provenance(text, path, shares, parts.vocabulary),
    )


@functools.lru_cache(maxsize=2)
def _encoded(text: Text, shares: Shares) -> Parts:
    return _text.encoded(text.name, _text.cut(text.text, shares), characters_of(text.text))


@functools.lru_cache(maxsize=2)
def _bigram_cross_entropy(parts: Parts) -> float:
    """Held-out cross-entropy, nats per character, of p(b | a) = (n_ab + 1) / (n_a + V) counted on the training text."""
    n_ab, n_a, _ = _text.bigrams(parts)
    return float(-np.log((n_ab + 1) / (n_a + len(parts.vocabulary))).mean())
