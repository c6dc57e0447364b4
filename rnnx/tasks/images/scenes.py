"""Captions of drawn scenes: objects of a size, a colour and a shape, and how they stand to each other.

    a small red circle left of a large blue square <end>
    a large green cross above a small green circle <end>        a small yellow triangle <end>

One to many, a word a step; cross-entropy. A scene is drawn while it is sampled, on 48 × 48 white pixels: one or two
objects, in cells of a grid of 3 × 3, each somewhere in its cell. They are named in reading order: the one to the left
before the one to the right of it, the upper before the lower, so that each scene has one caption.

What is tested is what the model writes itself, on a thousand scenes of each of three splits:

- `seen`: other scenes of the kind that is trained on;
- `unseen`: every object is one of six that were never trained on, such as a small red circle (`UNSEEN`), though there
  were small, red ones and circles;
- `more`: three objects, in a row, a column or around a corner, one more than were ever trained on.

A task of rnnx. What it asks for by held-out combinations is what Lake & Baroni 2018 ("Generalization without
systematicity") ask for with commands, and Andreas, Rohrbach, Darrell & Klein 2016 with drawn shapes and questions.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks
from rnnx.tasks._scores import cross_entropy
from rnnx.tasks.images import _captions
from rnnx.tasks.images._drawing import CELL, COLORS, MOST, PIXELS, RADIUS, SHAPES, SIZES, Scene, image
from rnnx.types import Array, Batch, Decoding, Task

WORDS = ("a", *SIZES, *COLORS, *SHAPES, "left", "of", "above")
UNSEEN = tuple((SIZES[n % 2], color, SHAPES[n % 4]) for n, color in enumerate(COLORS))
"""What stands in no scene that is trained on."""

_TRAINED = 2  # objects, at most
_TESTED = 1000  # scenes of a split
_END, _NONE = len(WORDS), -1  # of a caption; a word that is not there


def scenes() -> Task:
    """Scenes of one or two objects, to be described.

    Inputs are `Captioned`: images `[1, B, 48, 48, 3]`, and what the decoder is given, the target of the step before (17
    before the first), with `target_lengths`. Targets `[T, B]` are numbers of `WORDS`, and 16 after the last; weights 1
    up to it. Outputs are logits `[T, B, 17]`. A scene of one object takes 5 steps and one of two at most 11; with a
    `length` below 11 there is one object only. `test_batches` has the split `seen`, and `decoding` all three, whose
    numbers are `exact_<split>` and `bleu1_<split>` to `bleu4_<split>`.

    The baseline is the loss of a writer who has not seen the picture: with n objects, 42 of which may stand at each
    place, it has to guess ln 2 + n ln 42 + (n - 1) ln 2 nats. Scores are of a model that is given the true words before
    each: `accuracy` of words, the end included, and `exact`, the share of captions that are right as a whole.

    Raises:
      ValueError: from `sample`, a length below 5; from `test_batches` and `decoding.batches`, a size that is none.

    >>> import jax
    >>> batch = scenes().sample(jax.random.key(3), 1, 11)
    >>> batch.inputs.image.shape, _captions.said(WORDS, batch.targets[: int(batch.inputs.target_lengths[0]) - 1, 0])
    ((1, 1, 48, 48, 3), 'a large purple cross left of a large purple circle')
    """

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        checks.size("batch_size", batch_size)
        checks.size("length of captions", length, least=_steps(1))
        most = _TRAINED if length >= _steps(_TRAINED) else 1
        return _batch(_Kind(False, 1, most), jax.random.split(key, batch_size))

    def batches_of(*splits: str) -> Callable[[int], Iterator[Batch]]:
        def batches(batch_size: int) -> Iterator[Batch]:
            checks.size("batch_size", batch_size)
            return (
                jax.tree.map(lambda a, n=n: a[n : n + batch_size] if a.ndim == 1 else a[:, n : n + batch_size], whole)
                for whole in map(_tested, splits)
                for n in range(0, _TESTED, batch_size)
            )

        return batches

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=_captions.scores,
        baseline_loss=lambda length: _baseline(_TRAINED if length >= _steps(_TRAINED) else 1),
        input_size=3,
        output_size=_END + 1,
        loss_unit="cross-entropy (nats per word of a caption)",
        min_length=_steps(1),
        test_batches=batches_of("seen"),
        model="captioner",
        example=functools.partial(_captions.example, WORDS),
        decoding=Decoding(
            batches=batches_of(*_SPLITS),
            length=_steps(MOST),
            end=_END,
            score=lambda outputs: _captions.score({name: _asked(name) for name in _SPLITS}, WORDS, outputs),
            shown=functools.partial(_captions.shown, WORDS),
        ),
    )


class _Kind(NamedTuple):
    """What scenes are made of."""

    unseen: bool  # whether of the objects that are not trained on, or of all others
    least: int  # objects
    most: int


_OBJECTS = np.array([(s, c, f) for s in range(len(SIZES)) for c in range(len(COLORS)) for f in range(len(SHAPES))])
_IS_UNSEEN = np.array([(SIZES[s], list(COLORS)[c], SHAPES[f]) in UNSEEN for s, c, f in _OBJECTS])
_SEEN_OBJECTS, _UNSEEN_OBJECTS = _OBJECTS[~_IS_UNSEEN], _OBJECTS[_IS_UNSEEN]


def _scene(kind: _Kind, key: Array) -> Scene:
    """Objects and how many there are, all of them equally likely, in steps to the right and down on the grid."""
    of_kind = jnp.asarray(_UNSEEN_OBJECTS if kind.unseen else _SEEN_OBJECTS, jnp.int32)
    count_key, object_key, step_key, corner_key, place_key = jax.random.split(key, 5)
    count = jax.random.randint(count_key, (), kind.least, kind.most + 1, jnp.int32)
    drawn = of_kind[jax.random.randint(object_key, (MOST,), 0, len(of_kind), jnp.int32)]
    rightwards = jax.random.bernoulli(step_key, 0.5, (MOST,))
    goes_on = jnp.arange(MOST, dtype=jnp.int32) < count - 1
    steps = (jnp.stack([~rightwards, rightwards], axis=-1) & goes_on[:, None]).astype(jnp.int32)
    walked = jnp.cumsum(steps, axis=0)
    corner = jax.random.randint(corner_key, (2,), 0, PIXELS // CELL - walked[-1], jnp.int32)
    cells = (corner + walked - steps).astype(jnp.float32)
    room = CELL / 2 - jnp.array(RADIUS, jnp.float32)[drawn[:, 0], None]
    aside = room * jax.random.uniform(place_key, (MOST, 2), jnp.float32, -1, 1)
    size, color, shape = drawn.T
    return Scene(count, size, color, shape, rightwards, CELL * (cells + 0.5) + aside)


@functools.partial(jax.jit, static_argnums=0)  # else it is some dozens of programs where nothing around it is compiled
def _batch(kind: _Kind, keys: Array) -> Batch:
    """A scene for each key."""
    scenes = jax.vmap(functools.partial(_scene, kind))(keys)
    codes, lengths = jax.vmap(_caption)(scenes)
    return _captions.batch(jax.vmap(image)(scenes), codes[:, : _steps(kind.most)], lengths, _END)


@functools.partial(jax.jit, static_argnums=0)
def _described(kind: _Kind, keys: Array) -> tuple[Array, Array]:
    """The captions of these scenes and their lengths alone: nothing is drawn."""
    return jax.vmap(lambda key: _caption(_scene(kind, key)))(keys)


def _caption(scene: Scene) -> tuple[Array, Array]:
    """Numbers of words, filled up with the end, and how many there are with it."""

    def number(word: str) -> int:
        return WORDS.index(word)

    place = jnp.arange(MOST, dtype=jnp.int32)
    first, second = (jnp.where(scene.rightwards, number(word), other) for word, other in _RELATION)
    columns = [
        jnp.full_like(place, number("a")),
        number(SIZES[0]) + scene.size,
        number(next(iter(COLORS))) + scene.color,
        number(SHAPES[0]) + scene.shape,
        *(jnp.where(place < scene.objects - 1, word, _NONE) for word in (first, second)),
    ]
    codes = jnp.where((place < scene.objects)[:, None], jnp.stack(columns, axis=-1), _NONE).ravel()
    there = codes != _NONE
    return jnp.where(there, codes, _END)[jnp.argsort(~there, stable=True)], jnp.sum(there, dtype=jnp.int32) + 1


_RELATION = (("left", WORDS.index("above")), ("of", _NONE))
"""The words of a relation, to the right and below."""


_SPLITS = {
    "seen": _Kind(False, 1, _TRAINED),
    "unseen": _Kind(True, 1, _TRAINED),
    "more": _Kind(False, MOST, MOST),
}


def _keys(split: str) -> Array:
    """A key for each scene of a split, the same in every trial."""
    return jax.random.split(jax.random.key(list(_SPLITS).index(split)), _TESTED)


@functools.cache
def _tested(split: str) -> Batch:
    """All scenes of a split as arrays of NumPy: they are drawn once, whatever the batches."""
    batch: Batch = jax.device_get(_batch(_SPLITS[split], _keys(split)))
    return batch


@functools.cache
def _asked(split: str) -> _captions.Split:
    """What is to be written to each of them."""
    codes, lengths = jax.device_get(_described(_SPLITS[split], _keys(split)))
    told = [_captions.said(WORDS, row[: length - 1]) for row, length in zip(codes, lengths, strict=True)]
    return _captions.Split([f"{split} {n}" for n in range(_TESTED)], told)


def _steps(objects: int) -> int:
    """Words of a caption of so many objects at most, with the end: four each, and two between them."""
    return 6 * objects - 1


def _baseline(most: int) -> float:
    """Nats per word of a writer who knows how captions are made, and not the picture."""
    mean = (1 + most) / 2  # objects
    nats = math.log(most) + mean * math.log(len(_SEEN_OBJECTS)) + (mean - 1) * math.log(2)
    return nats / (4 * mean + 1.5 * (mean - 1) + 1)
