"""Polyphonic music: which of 88 keys sound in the next frame.

    L = -Σ_t Σ_k ln p(key k at t + 1 | frames 1 … t) / frames,    keys given the past taken as independent

The negative log-likelihood of a frame, in nats, summed over the keys, over all frames but the first of each piece
(Boulanger-Lewandowski, Bengio & Vincent 2012). A piece of its own length is an example. On JSB and Nottingham Bai,
Kolter & Koltun 2018 have 8.45 and 3.29 with an LSTM, 8.43 and 3.46 with a GRU, 8.91 and 4.05 with a plain network;
their code clips the gradient before it has been computed. Pascanu, Mikolov & Bengio 2013 have 3.80 on Nottingham with a
plain network and SGD, 3.48 with clipping, and 3.36 with their Ω beside it. Many-to-many.
"""

import functools
from collections.abc import Iterator
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.data._piano_rolls import KEYS, PianoRolls, read_piano_rolls
from rnnx.data.jsb import jsb
from rnnx.data.nottingham import nottingham
from rnnx.keyboard import Keyboard
from rnnx.types import Array, Batch, Example, Scores, Task

_LOADERS = {"jsb": jsb, "nottingham": nottingham}
_QUARTERS = {"jsb": 1.0, "nottingham": 0.5}
"""Quarter notes that a frame lasts."""


def polyphony(*, music: Literal["jsb", "nottingham"] = "jsb", path: str = "") -> Task:
    """Polyphonic music, a frame a step.

    Inputs `[T, B, 88]`, 0 or 1, with their `lengths`; targets `[T, B, 88]`, booleans, the next frame; weights 1 up to
    an example's length; outputs are logits `[T, B, 88]`. T is `length`: of a longer piece a stretch at random.
    `test_batches` has every piece whole. The score `frame_accuracy` is that of Bay, Ehmann & Downie 2009, of keys whose
    probability is above a half: hits / (hits + misses + false alarms), over all frames.

    The floor is the held-out loss of one that knows how often each key sounds.

    A model that was trained plays: `python -m experiments.generate`. A frame of one's own music is a quarter note.

    Args:
      music: `jsb`, chorales, or `nottingham`, folk tunes.
      path: a file of one's own in the same form, `rnnx.data.jsb`, to take instead.

    Raises:
      rnnx.data.DataError: the music can't be had, or is damaged.
      ValueError: an unknown music; from `sample`, a length below 1.

    >>> import jax
    >>> batch = polyphony().sample(jax.random.key(0), 4, 50)  # doctest: +SKIP
    >>> batch.inputs.shape, batch.targets.shape  # doctest: +SKIP
    ((50, 4, 88), (50, 4, 88))
    """
    checks.choice("music", music, tuple(_LOADERS))
    rolls = read_piano_rolls(path) if path else _rolls(music)
    train, valid, test = _tables(rolls)
    keyboard = Keyboard(keys=KEYS, quarters=1.0 if path else _QUARTERS[music])

    def test_batches(batch_size: int) -> Iterator[Batch]:
        checks.size("batch_size", batch_size)
        T = int(test.lengths.max()) - 1
        which = np.arange(len(test.lengths))
        return (_batch(test, which[n : n + batch_size], 0, T) for n in range(0, len(which), batch_size))

    return Task(
        sample=functools.partial(_sample, train),
        sample_heldout=functools.partial(_sample, valid),
        losses=_losses,
        scores=_scores,
        baseline_loss=lambda length: _unigram(rolls),
        input_size=KEYS,
        output_size=KEYS,
        loss_unit="negative log-likelihood (nats per frame)",
        data={"path" if path else "music": rolls.name, "sha256": rolls.sha256},
        test_batches=test_batches,
        example=functools.partial(_example, keyboard),
        keyboard=keyboard,
    )


class _Table(NamedTuple):
    flat: np.ndarray  # [frames of all pieces, 88]
    offsets: np.ndarray  # [pieces], where each begins
    lengths: np.ndarray  # [pieces], frames


def _sample(table: _Table, key: Array, batch_size: int, length: int) -> Batch:
    checks.size("batch_size", batch_size)
    checks.size("length", length)
    piece_key, start_key = jax.random.split(key)
    which = jax.random.randint(piece_key, (batch_size,), 0, len(table.lengths))
    latest = jnp.maximum(jnp.asarray(table.lengths)[which] - 1 - length, 0)
    return _batch(table, which, jax.random.randint(start_key, (batch_size,), 0, latest + 1), length)


def _batch(table: _Table, which: Array | np.ndarray, start: Array | int, T: int) -> Batch:
    """Of these pieces, from these frames on."""
    offsets, sizes = (jnp.asarray(of, jnp.int32)[which] for of in (table.offsets, table.lengths))
    lengths = jnp.minimum(sizes - 1 - start, T)
    t = jnp.arange(T + 1, dtype=jnp.int32)[:, None]
    frames = jnp.asarray(table.flat)[offsets + start + jnp.minimum(t, lengths)]
    own = t[:-1] < lengths
    return Batch(
        inputs=jnp.where(own[..., None], frames[:-1], False).astype(jnp.float32),
        targets=jnp.where(own[..., None], frames[1:], False),
        weights=own.astype(jnp.float32),
        lengths=lengths,
    )


def _example(keyboard: Keyboard, batch: Batch) -> Example:
    assert batch.lengths is not None
    return examples.piano_roll(keyboard, np.asarray(batch.inputs)[: int(batch.lengths[0]), 0])


def _losses(outputs: Array, batch: Batch) -> Array:
    # -ln σ(z) of a key that sounds, -ln σ(-z) of one that does not.
    return jnp.sum(jax.nn.softplus(jnp.where(batch.targets, -outputs, outputs)), axis=-1)


def _scores(outputs: Array, batch: Batch) -> Scores:
    said = outputs > 0
    hits, named = (jnp.sum(of.astype(outputs.dtype), axis=-1) for of in (said & batch.targets, said | batch.targets))
    return {"frame_accuracy": (hits / jnp.maximum(named, 1), batch.weights * named)}


@functools.cache
def _rolls(music: str) -> PianoRolls:
    """The same whenever they are read: others would have another hash, and be refused."""
    return _LOADERS[music]()


@functools.lru_cache(maxsize=3)
def _tables(rolls: PianoRolls) -> tuple[_Table, ...]:
    def table(pieces: tuple[np.ndarray, ...]) -> _Table:
        lengths = np.array([len(piece) for piece in pieces])
        return _Table(np.concatenate(pieces), np.cumsum(lengths) - lengths, lengths)

    return tuple(map(table, (rolls.train, rolls.valid, rolls.test)))


@functools.lru_cache(maxsize=3)
def _unigram(rolls: PianoRolls) -> float:
    """Nats per frame of the held-out part, where each key sounds as often as in training: (n + 1) / (frames + 2)."""
    train, valid = (np.concatenate([piece[1:] for piece in part]) for part in (rolls.train, rolls.valid))
    p = (train.sum(axis=0) + 1) / (len(train) + 2)
    return float(-np.where(valid, np.log(p), np.log1p(-p)).sum(axis=1).mean())
