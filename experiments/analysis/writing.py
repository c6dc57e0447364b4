"""What the model of a trial writes, token by token, from its directory alone."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from experiments.analysis import trained
from experiments.errors import ConfigError
from rnnx import decoding
from rnnx.keyboard import Keyboard
from rnnx.types import Array, Batch, Decoder, Params, Run
from rnnx.vocabulary import PairVocabulary, UnknownTokenError, Vocabulary, bare_newlines

_CHUNK = 32
"""Tokens that are drawn by one call of a compiled program, and shown together."""


class Chances(NamedTuple):
    """How tokens are drawn: see `rnnx.decoding.sample`."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0


class Writer(NamedTuple):
    """A model that writes, and what its tokens stand for."""

    model: Any
    """Its graph definition."""
    params: Params
    vocabulary: Vocabulary
    run: Run
    """How time runs in it, as where it is evaluated."""
    begin: Callable[..., Any]
    """(params, prompt [T, 1], its length [1]) -> the state after it, compiled."""
    go_on: Callable[..., Any]
    """(params, state, key, tokens drawn before, chances) -> a chunk of tokens [K, 1] and the state after, compiled."""
    following: Callable[..., Array]
    """(params, prompt [T, 1], its length [1]) -> log-probabilities [1, V] of the token after it, compiled."""

    def read(self, prompt: str, source: str = "the prompt", *, skip_unknown: bool = False) -> np.ndarray:
        """The tokens of a prompt, at least one: of an empty one, the end of a line before. Messages name its source.

        Raises:
          ConfigError: a character that the model does not know.
        """
        try:
            tokens = self.vocabulary.encode(bare_newlines(prompt), skip_unknown=skip_unknown)
        except UnknownTokenError as error:
            raise ConfigError(f"{source}: {error} --unknown=skip leaves such characters out.") from None
        return tokens if tokens.size else np.array([self.vocabulary.line_end], np.int32)


def writer(directory: Path, checkpoint: str) -> Writer:
    """The model of a trial of language, with the parameters of its `latest` or `best` checkpoint or that of a step.

    Raises:
      ConfigError: as from `trained.read`; its model does not write, or to a source.
    """
    model, params, vocabulary, run = trained.read(directory, checkpoint)
    assert not isinstance(vocabulary, Keyboard)
    if isinstance(vocabulary, PairVocabulary):
        raise ConfigError(
            f"the model of {directory} writes to a source: give --source or --source_file in place of a prompt."
        )
    begin, go_on, following = _programs(model, run)
    try:
        jax.eval_shape(begin, params, *_padded(np.zeros(1, np.int32)))
    except Exception as error:  # whatever the model says, or fails with, where it can't write
        raise trained.mute(directory, error) from error
    return Writer(model, params, vocabulary, run, begin, go_on, following)


def drawn(writer: Writer, prompt: np.ndarray, length: int, chances: Chances, seed: tuple[int, int]) -> Iterator[str]:
    """So many tokens after a prompt, piece by piece as they are drawn; of equal seeds the same."""
    state = writer.begin(writer.params, *_padded(prompt))
    key = jax.random.fold_in(jax.random.key(np.uint32(seed[0])), seed[1])
    before = prompt[-1:]
    for start in range(0, length, _CHUNK):
        tokens, state = writer.go_on(writer.params, state, key, start, chances)
        here = np.concatenate([before, np.asarray(tokens)[: length - start, 0]])
        yield writer.vocabulary.decode(here)[len(writer.vocabulary.decode(before)) :]
        before = here[-1:]


def next_tokens(writer: Writer, prompt: np.ndarray, count: int) -> list[tuple[str, float]]:
    """The likeliest tokens to come next after a prompt, the likeliest first, each with its probability."""
    log_p = np.asarray(writer.following(writer.params, *_padded(prompt)), float)[0]
    first = np.argsort(-log_p, kind="stable")[:count]
    return [(writer.vocabulary.tokens[n], float(np.exp(log_p[n]))) for n in first]


def likeliest(writer: Writer, prompt: np.ndarray, length: int, width: int, length_penalty: float = 0.0) -> list[str]:
    """The likeliest texts of so many tokens after a prompt that a beam of this width finds, the best first."""
    batch = Batch(jnp.asarray(prompt[:, None]), None, jnp.ones(prompt[:, None].shape))
    beams = decoding.beam_search(
        writer.model, writer.params, batch, width=width, length=length, length_penalty=length_penalty, run=writer.run
    )
    start = writer.vocabulary.decode(prompt[-1:])
    found = range(int(np.count_nonzero(beams.lengths[0])))  # there may be fewer texts than that
    texts = (np.concatenate([prompt[-1:], np.asarray(beams.tokens)[:, 0, n]]) for n in found)
    return [writer.vocabulary.decode(text)[len(start) :] for text in texts]


def until(pieces: Iterator[str], stop: str | None, prompt: str) -> Iterator[str]:
    """A prompt and what comes after it, up to where `stop` has been written."""
    yield prompt
    held = ""
    for piece in pieces:
        held += piece
        end = held.find(stop) if stop else -1
        if end >= 0:
            yield held[: end + len(stop or "")]
            return
        safe = len(held) - (len(stop) - 1 if stop else 0)  # what follows may be the start of it
        yield held[: max(safe, 0)]
        held = held[max(safe, 0) :]
    yield held


def show(pieces: Iterator[str]) -> None:
    """Print pieces as they come, also where the terminal, or what reads a pipe, can't show a character, or has gone."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        for piece in pieces:
            sys.stdout.write(piece)
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        sys.exit(0)


def _programs(model: Any, run: Run) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Array]]:
    """`begin`, `go_on` and `following` of a `Writer`."""

    def decoder(params: Params, prompt: Array, length: Array) -> Decoder:
        return nnx.merge(model, params).decoder(Batch(prompt, None, jnp.ones(prompt.shape), length), run)

    def begin(params: Params, prompt: Array, length: Array) -> Any:
        return decoder(params, prompt, length).state

    def go_on(params: Params, state: Any, key: Array, start: Array, chances: Chances) -> tuple[Array, Any]:
        # How it steps does not depend on what was read, and nothing is read here.
        nothing = decoder(params, jnp.zeros((1, 1), jnp.int32), jnp.ones(1, jnp.int32))
        return decoding.write(nothing, state, key, length=_CHUNK, start=start, **chances._asdict())

    def following(params: Params, prompt: Array, length: Array) -> Array:
        reader = decoder(params, prompt, length)
        return jax.nn.log_softmax(reader.logits(reader.state))

    return jax.jit(begin), jax.jit(go_on), jax.jit(following)


def _padded(prompt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A prompt `[T, 1]` and its length `[1]`, T being one of few, so that few programs are compiled."""
    T = max(16, 1 << (len(prompt) - 1).bit_length())
    return np.pad(prompt, (0, T - len(prompt)))[:, None], np.array([len(prompt)], np.int32)
