"""What the model of a trial of sequence to sequence writes to sources, from its directory alone."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.analysis import trained
from experiments.analysis.trained import Trained
from experiments.analysis.writing import Chances
from experiments.errors import ConfigError
from rnnx import decoding
from rnnx.keyboard import Keyboard
from rnnx.types import Batch, Pair
from rnnx.vocabulary import PairVocabulary, UnknownTokenError

_BATCH = 64
"""Sources that are written to at a time."""


class Search(NamedTuple):
    """How the likeliest outputs are looked for: see `rnnx.decoding.beam_search`."""

    width: int = 1
    length_penalty: float = 0.0


Translator = Trained[PairVocabulary]
"""A model that writes to a source, and what its tokens stand for."""


def translator(directory: Path, checkpoint: str) -> Translator:
    """The model of a trial of sequence to sequence, with the parameters of `latest`, `best`, or a step.

    Raises:
      ConfigError: as from `trained.read`; its model does not write, or not to a source.
    """
    made = trained.read(directory, checkpoint)
    if isinstance(made.vocabulary, Keyboard):
        raise ConfigError(f"the model of {directory} plays music: it writes to no source.")
    if not isinstance(made.vocabulary, PairVocabulary):
        raise ConfigError(f"the model of {directory} goes on from a text: give --prompt in place of a source.")
    one = _batch([np.zeros(1, int)], 1)
    try:
        jax.eval_shape(lambda: decoding.beam_search(made.model, made.params, one, width=1, length=1, run=made.run))
    except Exception as error:  # whatever the model says, or fails with, where it can't write
        raise trained.mute(directory, error) from error
    return made


def read(translator: Translator, source: str, name: str, *, skip_unknown: bool = False) -> np.ndarray:
    """The tokens of a source, at least one. Messages name where it stands.

    Raises:
      ConfigError: something that the model does not know; nothing to read.
    """
    vocabulary = translator.vocabulary.source
    try:
        tokens = vocabulary.encode(source, skip_unknown=skip_unknown)
    except UnknownTokenError as error:
        raise ConfigError(f"{name}: {error} --unknown=skip leaves such {vocabulary.unit}s out.") from None
    if not tokens.size:
        raise ConfigError(f"{name}: there is nothing in it that could be read.")
    return tokens


def likeliest(
    translator: Translator, sources: Sequence[np.ndarray], search: Search, length: int | None = None
) -> Iterator[list[str]]:
    """What a beam search finds for each source, in order: as many texts as it is wide, the best first.

    Args:
      translator: the model.
      sources: tokens, as by `read`.
      search: how they are looked for.
      length: how many tokens at most, the end included; by default that of the task.
    """

    def write(batch: Batch, length: int, start: int) -> list[list[np.ndarray]]:
        model, params, run = translator.model, translator.params, translator.run
        options = {"length": length, "end": translator.vocabulary.end, "run": run, **search._asdict()}
        beams = decoding.beam_search(model, params, batch, **options)
        tokens, lengths, finished = (np.asarray(of) for of in (beams.tokens, beams.lengths, beams.finished))
        kept = lengths - finished
        # Of no tokens where there are fewer outputs than the width.
        found = [np.flatnonzero(lengths[b]) for b in range(len(lengths))]
        return [[tokens[: kept[b, w], b, w] for w in which] for b, which in enumerate(found)]

    return _written(translator, sources, length, write)


def drawn(
    translator: Translator,
    sources: Sequence[np.ndarray],
    chances: Chances,
    seed: int,
    count: int = 1,
    length: int | None = None,
) -> Iterator[list[str]]:
    """So many texts that are drawn for each source, in order; of equal seeds the same. Arguments as of `likeliest`."""

    def write(batch: Batch, length: int, start: int) -> list[list[np.ndarray]]:
        of_batch = jax.random.fold_in(jax.random.key(np.uint32(seed)), start)
        keys = [jax.random.fold_in(of_batch, number) for number in range(count)]
        model, params, run = translator.model, translator.params, translator.run
        options = {"length": length, "run": run, **chances._asdict()}
        texts = [np.asarray(decoding.sample(model, params, batch, key, **options)).T for key in keys]  # [B, length]
        return [[_until(text, translator.vocabulary.end) for text in of_one] for of_one in zip(*texts, strict=True)]

    return _written(translator, sources, length, write)


def _written(
    translator: Translator,
    sources: Sequence[np.ndarray],
    length: int | None,
    write: Callable[[Batch, int, int], list[list[np.ndarray]]],
) -> Iterator[list[str]]:
    """The texts for each source, in order.

    What writes is given some of them as a batch, how many tokens to write at most, and the number of the first of them.
    """
    vocabulary = translator.vocabulary
    for start in range(0, len(sources), _BATCH):
        some = sources[start : start + _BATCH]
        texts: dict[int, list[str]] = {}
        # Where an output is as long as its source, those of one length are written together.
        sizes = [len(source) if vocabulary.length is None else 0 for source in some]
        for size in sorted(set(sizes)):
            which = [n for n, other in enumerate(sizes) if other == size]
            longest = vocabulary.length or size
            most = length or longest if vocabulary.end is not None else min(length or longest, longest)
            outputs = write(_batch([some[n] for n in which], size), most, start + which[0])
            texts |= {n: list(map(vocabulary.target.decode, found)) for n, found in zip(which, outputs, strict=False)}
        yield from (texts[n] for n in range(len(some)))


def _batch(sources: Sequence[np.ndarray], width: int) -> Batch:
    """Sources side by side, at least `width` steps and in one of few shapes, so that few programs are compiled: the
    last one stands for those that are lacking."""
    S = width or max(16, 1 << (max(map(len, sources)) - 1).bit_length())
    B = 1 << (len(sources) - 1).bit_length()
    filled = [*sources, *[sources[-1]] * (B - len(sources))]
    tokens = np.stack([np.pad(source, (0, S - len(source))) for source in filled], axis=1).astype(np.int32)
    lengths = jnp.asarray([len(source) for source in filled], jnp.int32)
    nothing = jnp.zeros((1, B), jnp.int32)
    return Batch(Pair(jnp.asarray(tokens), nothing), nothing, jnp.ones(nothing.shape), lengths)


def _until(tokens: np.ndarray, end: int | None) -> np.ndarray:
    """What stands before the first end."""
    ends = np.flatnonzero(tokens == (-1 if end is None else end))  # no token is -1
    return tokens[: ends[0]] if ends.size else tokens
