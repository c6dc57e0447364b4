"""Surprise: how little a model expected each token of a passage, of all that stands before it."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from rnnx.diagnostics._tags import Tag
from rnnx.readings import _passage
from rnnx.readings._reader import Reader, Values
from rnnx.training.runs import carried
from rnnx.types import Array, Batch, Params, Run

TAGS = (
    Tag("surprise/text", "", "a passage of the test part: what each of its tokens is, a list of texts"),
    Tag("surprise/nats", "nats", "−log p of each of these tokens, given all of the test part before it"),
    Tag("surprise/mean", "nats per token", "mean of −log p of the tokens of that passage", headline=True),
)

_LENGTH = {"character": 600, "word": 150}
"""Tokens of a passage: what can be seen at a glance."""

_WARM_UP = 1000
"""Tokens that are read before it, at least, as far as there are any: it begins with a full memory."""


def surprise(reader: Reader) -> Values:
    """-log p(x_t | x_1 … x_{t-1}) of the tokens of one passage, where x_1 is the first token of the test part.

    All that stands before is read in one pass, as where the loss of the test part is taken, so that this is what it is
    the mean of. The passage begins with a paragraph, a line or a sentence, and is the same for all models of a text.
    Tags: `surprise/text` `[P]`, `surprise/nats` `[P]`, `surprise/mean`. Cost: a forward pass over some 1600 tokens.

    Raises:
      ValueError: the model reads a later token before it predicts an earlier one.

    >>> import functools, rnnx
    >>> from rnnx.training.program import split
    >>> vocabulary = rnnx.Vocabulary("character", ("\\n", "a", "b"))
    >>> task = rnnx.tasks.get("adding")()._replace(vocab_size=3, output_size=3, vocabulary=vocabulary)
    >>> model = functools.partial(rnnx.models.get("sequence"), rnnx.gru(4), task)
    >>> graphdef, params = split(model, jax.random.key(0))
    >>> values = surprise(Reader(graphdef, params, rnnx.plain_run, task, 2, np.array([1, 2, 0, 1])))
    >>> values["surprise/text"], values["surprise/nats"].shape
    (['b', '\\n', 'a'], (3,))
    """
    N, P = len(reader.tokens), _LENGTH[reader.vocabulary.unit]
    earliest = max(1, min(_WARM_UP, N - P))  # of the first token nothing is predicted
    latest = max(earliest, min(earliest + P, N - P))
    text = reader.vocabulary.pieces(reader.tokens[: latest + P])
    start = _passage.beginning(text, earliest, latest)
    stop = min(start + P, N)
    nats = np.asarray(_nats(reader.model, reader.params, reader.tokens[:stop, None], reader.run))[start - 1 :]
    return {
        "surprise/text": text[start:stop],
        "surprise/nats": nats,
        "surprise/mean": nats.mean(dtype=float),
    }


@functools.partial(jax.jit, static_argnames=("model", "run"))
def _nats(model: Any, params: Params, tokens: Array, run: Run) -> Array:
    """-log p of the tokens `[N, 1]` but the first, `[N - 1]`."""
    batch = Batch(tokens[:-1], tokens[1:], jnp.ones(tokens[1:].shape))
    outputs = nnx.merge(model, params)(batch, carried(run, None, jnp.ones(1, bool), {}))  # forward in time, or not
    log_p = jax.nn.log_softmax(outputs, axis=-1)
    return -jnp.take_along_axis(log_p, tokens[1:, :, None], axis=-1)[:, 0, 0]
