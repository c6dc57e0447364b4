"""What can stand in a scene, and be said of it: shapes, or digits in many hands."""

import functools
import itertools
from typing import Literal, NamedTuple, get_args

import numpy as np

from rnnx.data.digits import digits
from rnnx.tasks.images._drawing import COLORS, SIZES, Kinds
from rnnx.tasks.images._handwriting import handwriting
from rnnx.tasks.images._parts import Part
from rnnx.tasks.images._shapes import shapes

Objects = Literal["shapes", "digits"]


class World(NamedTuple):
    """Objects that are trained on and others, how they are drawn, and the words for all of them."""

    words: tuple[str, ...]
    seen: np.ndarray  # [objects, 3], the size, colour and kind of each that is trained on
    unseen: np.ndarray  # [objects, 3], of those that are not
    kinds: dict[Part, Kinds]
    data: dict[str, str]

    @property
    def end(self) -> int:
        """What ends a caption: the number after that of the last word."""
        return len(self.words)


def _shapes() -> tuple[dict[Part, Kinds], dict[str, str]]:
    return dict.fromkeys(get_args(Part), shapes()), {}


def _digits() -> tuple[dict[Part, Kinds], dict[str, str]]:
    images = digits()
    kinds = {part: handwriting(images, part) for part in get_args(Part)}
    return kinds, {"images": images.name, "sha256": images.sha256}


_WORLDS = {"shapes": _shapes, "digits": _digits}


@functools.cache
def world(objects: Objects) -> World:
    """Of these objects; the same whenever it is asked for. Each colour has one object that is not trained on."""
    kinds, data = _WORLDS[objects]()
    words = kinds["train"].words
    every = np.array(list(itertools.product(range(len(SIZES)), range(len(COLORS)), range(len(words)))))
    unseen = np.array([(n % len(SIZES), n, n % len(words)) for n in range(len(COLORS))])
    is_unseen = (every[:, None] == unseen).all(axis=-1).any(axis=-1)
    words = ("a", *SIZES, *COLORS, *words, "left", "of", "above")
    return World(words, every[~is_unseen], every[is_unseen], kinds, data)
