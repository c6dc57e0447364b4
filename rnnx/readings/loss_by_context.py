"""Loss by context: what a model loses where it may look back no further than k tokens."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.decoding._decoder import decoder_of
from rnnx.diagnostics._tags import Tag
from rnnx.readings._reader import Reader, Values
from rnnx.types import Array, Batch, Params, Run

TAGS = (
    Tag("loss_by_context/tokens", "tokens", "k: 1, 2, 4, … and T, the length of training"),
    Tag(
        "loss_by_context/loss",
        "nats per token",
        "loss of the same targets of the test part, for each k, of a model that begins with an empty memory and reads "
        "the last k tokens before the target alone",
    ),
    Tag(
        "loss_by_context/standard_error",
        "nats per token",
        "standard error of its difference to that of the largest k, target by target",
    ),
    Tag(
        "loss_by_context/smallest_k",
        "tokens",
        "smallest k from which on the loss is within 0.05 nats of that of the largest: what is further back is of "
        "little use",
        headline=True,
    ),
)

_TARGETS = {"character": 1024, "word": 512}
"""Evenly spaced over the test part. Their losses differ by some 2 nats, and differences between two k by less."""

_READ = 2**14
"""Tokens that are read at a time, at most: 64 MiB for each thousand numbers that a cell has of a step."""

_LITTLE = 0.05
"""Nats per token; the standard error of a difference is about half of that."""


def loss_by_context(reader: Reader) -> Values:
    """The loss of the same targets after the last k tokens before each, for k = 1, 2, 4, … up to T.

    The memory is empty before these k tokens, as it is before a sequence in training (of `objective.carry_state` it is
    not, and small k then show how the model takes that, too). Of one that uses nothing from further back than j tokens
    the loss is the same from k = j on. Tags: `loss_by_context/tokens` `[K]`, `loss_by_context/loss` `[K]`,
    `loss_by_context/standard_error` `[K]`, `loss_by_context/smallest_k`.

    Cost: 2 T tokens for each of 1024 targets (512 of words), and a program for each k. One program for all, of prompts
    padded to T, would read log2(T) T tokens, and the small ones compile in less time than that takes.

    Raises:
      ValueError: a model that writes nothing; a test part of no more than T tokens.

    >>> import functools, rnnx
    >>> from rnnx.training.program import split
    >>> vocabulary = rnnx.Vocabulary("character", ("\\n", "a", "b"))
    >>> task = rnnx.tasks.get("adding")()._replace(vocab_size=3, output_size=3, vocabulary=vocabulary)
    >>> model = functools.partial(rnnx.models.get("sequence"), rnnx.gru(4), task)
    >>> graphdef, params = split(model, jax.random.key(0))
    >>> tokens = np.arange(20, dtype=np.int32) % 3
    >>> values = loss_by_context(Reader(graphdef, params, rnnx.plain_run, task, 3, tokens))
    >>> values["loss_by_context/tokens"].tolist(), values["loss_by_context/loss"].shape
    ([1, 2, 3], (3,))
    """
    T, N = reader.length, len(reader.tokens)
    if N <= T:
        raise ValueError(f"loss_by_context reads {T} tokens before each target, and the test part has {N} in all.")
    count = min(_TARGETS[reader.vocabulary.unit], N - T)
    targets = np.linspace(T, N - 1, count).astype(int)
    contexts = np.array([k for n in range(T.bit_length()) if (k := 2**n) < T] + [T])
    losses = np.array([_losses(reader, targets, int(k)) for k in contexts], float)  # [K, targets]
    means, differences = losses.mean(axis=1), losses - losses[-1]
    unknown = np.full(len(contexts), np.nan)
    far = np.flatnonzero(~(np.abs(means - means[-1]) < _LITTLE))  # all, where one is not a number
    return {
        "loss_by_context/tokens": contexts,
        "loss_by_context/loss": means,
        "loss_by_context/standard_error": differences.std(axis=1, ddof=1) / np.sqrt(count) if count > 1 else unknown,
        "loss_by_context/smallest_k": float([*contexts, np.nan][far[-1] + 1 if far.size else 0]),
    }


def _losses(reader: Reader, targets: np.ndarray, k: int) -> np.ndarray:
    """Of the tokens at these places, each after the k before it."""
    together = max(1, min(len(targets), _READ // k))
    losses = []
    for begin in range(0, len(targets), together):
        # All of one size, so that one program does.
        places = np.resize(targets[begin : begin + together], together)
        prompts = reader.tokens[places + np.arange(-k, 0)[:, None]]
        losses.append(_after(reader.model, reader.params, prompts, reader.tokens[places], reader.run))
    return np.concatenate(losses)[: len(targets)]


@functools.partial(jax.jit, static_argnames=("model", "run"))
def _after(model: Any, params: Params, prompts: Array, targets: Array, run: Run) -> Array:
    """-log p of targets `[B]` after prompts `[k, B]`."""
    decoder = decoder_of(model, params, Batch(prompts, None, jnp.ones(prompts.shape)), run)
    log_p = jax.nn.log_softmax(decoder.logits(decoder.state), axis=-1)
    return -jnp.take_along_axis(log_p, targets[:, None], axis=-1)[:, 0]
