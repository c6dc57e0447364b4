"""Captions of drawn scenes: objects of a size, a colour and a kind, and how they stand to each other.

    a small red circle left of a large blue square <end>
    a large green cross above a small green circle <end>        a small yellow seven <end>

One to many, a word a step; cross-entropy. A scene is drawn while it is sampled, on 48 × 48 white pixels: one or two
objects, in cells of a grid of 3 × 3, each somewhere in its cell. They are named in reading order: the one to the left
before the one to the right of it, the upper before the lower, so that each scene has one caption. Objects are shapes,
or handwritten digits (`rnnx.data.digits`), of which some drawings are never trained on.

What is tested is what the model writes itself, on a thousand scenes of each of three splits:

- `seen`: other scenes of the kind that is trained on;
- `unseen`: every object is one of six that were never trained on, such as a small red circle, though there were small,
  red ones and circles;
- `more`: three objects, in a row, a column or around a corner, one more than were ever trained on.

A task of rnnx. What it asks for by held-out combinations is what Lake & Baroni 2018 ("Generalization without
systematicity") ask for with commands, and Andreas, Rohrbach, Darrell & Klein 2016 with drawn shapes and questions.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, get_args

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx.tasks._scores import cross_entropy
from rnnx.tasks.images import _captions
from rnnx.tasks.images._drawing import CELL, COLORS, MOST, PIXELS, RADIUS, SIZES, Scene, image
from rnnx.tasks.images._parts import Part
from rnnx.tasks.images._world import Objects, World, world
from rnnx.types import Array, Batch, Decoding, Task

_TRAINED = 2  # objects, at most
_TESTED = 1000  # scenes of a split
_NONE = -1  # a word that is not there


def scenes(*, objects: Objects = "shapes") -> Task:
    """Scenes of one or two objects, to be described.

    Inputs are `Captioned`: images `[1, B, 48, 48, 3]`, and what the decoder is given, the target of the step before
    (W + 1 before the first), with `target_lengths`. Targets `[T, B]` are numbers of words, of which there are W, 16
    with shapes and 22 with digits, and W after the last; weights 1 up to it. Outputs are logits `[T, B, W + 1]`. A
    scene of one object takes 5 steps and one of two at most 11; with a `length` below 11 there is one object only.
    `test_batches` has the split `seen`, and `decoding` all three, whose numbers are `exact_<split>` and `bleu1_<split>`
    to `bleu4_<split>`. Every fifth drawing of each digit is for scenes to test on, and some of the others for held-out
    ones.

    The baseline is the loss of a writer who has not seen the picture: with n objects, 42 of which may stand at each
    place (114 digits), it has to guess ln 2 + n ln 42 + (n - 1) ln 2 nats. Scores are of a model that is given the true
    words before each: `accuracy` of words, the end included, and `exact`, the share of captions that are right as a
    whole.

    Args:
      objects: `shapes`, four of them, or `digits`, ten, in scikit-learn's 1,797 drawings.

    Raises:
      rnnx.data.DataError: the digits can't be had.
      ValueError: unknown objects; from `sample`, a length below 5; from `test_batches` and `decoding.batches`, a size
        that is none.

    >>> import jax
    >>> batch = scenes().sample(jax.random.key(3), 1, 11)
    >>> told = batch.targets[: int(batch.inputs.target_lengths[0]) - 1, 0]
    >>> batch.inputs.image.shape, _captions.said(world("shapes").words, told)
    ((1, 1, 48, 48, 3), 'a large purple cross left of a large purple circle')
    """

    checks.choice("objects", objects, get_args(Objects))
    of = world(objects)

    def sampler(part: Part) -> Callable[[Array, int, int], Batch]:
        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            checks.size("length of captions", length, least=_steps(1))
            most = _TRAINED if length >= _steps(_TRAINED) else 1
            return _batch(objects, _Kind(part, False, 1, most), jax.random.split(key, batch_size))

        return sample

    def batches_of(*splits: str) -> Callable[[int], Iterator[Batch]]:
        def batches(batch_size: int) -> Iterator[Batch]:
            checks.size("batch_size", batch_size)
            return (
                jax.tree.map(lambda a, n=n: a[n : n + batch_size] if a.ndim == 1 else a[:, n : n + batch_size], whole)
                for whole in (tested(objects, split) for split in splits)
                for n in range(0, _TESTED, batch_size)
            )

        return batches

    return Task(
        sample=sampler("train"),
        sample_heldout=sampler("heldout"),
        losses=cross_entropy,
        scores=_captions.scores,
        baseline_loss=lambda length: _baseline(len(of.seen), _TRAINED if length >= _steps(_TRAINED) else 1),
        input_size=3,
        output_size=of.end + 1,
        loss_unit="cross-entropy (nats per word of a caption)",
        min_length=_steps(1),
        data=of.data,
        test_batches=batches_of("seen"),
        model="captioner",
        example=functools.partial(_captions.example, of.words),
        decoding=Decoding(
            batches=batches_of(*_SPLITS),
            length=_steps(MOST),
            end=of.end,
            score=lambda outputs: _captions.score({name: asked(objects, name) for name in _SPLITS}, of.words, outputs),
            shown=functools.partial(_captions.shown, of.words),
        ),
    )


class _Kind(NamedTuple):
    """What scenes are made of."""

    part: Part  # whose drawings
    unseen: bool  # whether of the objects that are not trained on, or of all others
    least: int  # objects
    most: int


def _scene(of: World, kind: _Kind, key: Array) -> Scene:
    """Objects and how many there are, all of them equally likely, in steps to the right and down on the grid."""
    of_kind = jnp.asarray(of.unseen if kind.unseen else of.seen, jnp.int32)
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
    size, color, which = drawn.T
    drawing = jax.random.randint(jax.random.fold_in(key, _DRAWING), (MOST,), 0, jnp.iinfo(jnp.int32).max, jnp.int32)
    return Scene(count, size, color, which, drawing, rightwards, CELL * (cells + 0.5) + aside)


_DRAWING = 1


@functools.partial(jax.jit, static_argnums=(0, 1))  # else it is dozens of programs where nothing around it is compiled
def _batch(objects: Objects, kind: _Kind, keys: Array) -> Batch:
    """A scene for each key."""
    of = world(objects)
    scenes = jax.vmap(functools.partial(_scene, of, kind))(keys)
    codes, lengths = jax.vmap(functools.partial(_caption, of.words))(scenes)
    images = jax.vmap(lambda scene: image(scene, of.kinds[kind.part]))(scenes)
    return _captions.batch(images, codes[:, : _steps(kind.most)], lengths, of.end)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _described(objects: Objects, kind: _Kind, keys: Array) -> tuple[Array, Array]:
    """The captions of these scenes and their lengths alone: nothing is drawn."""
    of = world(objects)
    return jax.vmap(lambda key: _caption(of.words, _scene(of, kind, key)))(keys)


def _caption(words: tuple[str, ...], scene: Scene) -> tuple[Array, Array]:
    """Numbers of words, filled up with the end, and how many there are with it."""
    number, first_kind = words.index, 1 + len(SIZES) + len(COLORS)
    place = jnp.arange(MOST, dtype=jnp.int32)
    first = jnp.where(scene.rightwards, number("left"), number("above"))
    second = jnp.where(scene.rightwards, number("of"), _NONE)
    columns = [
        jnp.full_like(place, number("a")),
        number(SIZES[0]) + scene.size,
        number(next(iter(COLORS))) + scene.color,
        first_kind + scene.kind,
        *(jnp.where(place < scene.objects - 1, word, _NONE) for word in (first, second)),
    ]
    codes = jnp.where((place < scene.objects)[:, None], jnp.stack(columns, axis=-1), _NONE).ravel()
    there = codes != _NONE
    return jnp.where(there, codes, len(words))[jnp.argsort(~there, stable=True)], jnp.sum(there, dtype=jnp.int32) + 1


_SPLITS = {
    "seen": _Kind("test", False, 1, _TRAINED),
    "unseen": _Kind("test", True, 1, _TRAINED),
    "more": _Kind("test", False, MOST, MOST),
}


def _keys(split: str) -> Array:
    """A key for each scene of a split, the same in every trial."""
    return jax.random.split(jax.random.key(list(_SPLITS).index(split)), _TESTED)


@functools.cache
def tested(objects: Objects, split: str) -> Batch:
    """All scenes of a split as arrays of NumPy: they are drawn once, whatever the batches."""
    batch: Batch = jax.device_get(_batch(objects, _SPLITS[split], _keys(split)))
    return batch


@functools.cache
def asked(objects: Objects, split: str) -> _captions.Split:
    """What is to be written to each of them."""
    words = world(objects).words
    codes, lengths = jax.device_get(_described(objects, _SPLITS[split], _keys(split)))
    told = [_captions.said(words, row[: length - 1]) for row, length in zip(codes, lengths, strict=True)]
    return _captions.Split([f"{split} {n}" for n in range(_TESTED)], told)


def _steps(objects: int) -> int:
    """Words of a caption of so many objects at most, with the end: four each, and two between them."""
    return 6 * objects - 1


def _baseline(objects: int, most: int) -> float:
    """Nats per word of a writer who knows how captions are made, and not the picture."""
    mean = (1 + most) / 2  # objects
    nats = math.log(most) + mean * math.log(objects) + (mean - 1) * math.log(2)
    return nats / (4 * mean + 1.5 * (mean - 1) + 1)
