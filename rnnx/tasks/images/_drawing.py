"""Objects of a size and a colour, drawn on white pixels."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from rnnx.types import Array

SIZES = ("small", "large")
COLORS = {
    "red": (0.85, 0.10, 0.10),
    "green": (0.10, 0.60, 0.20),
    "blue": (0.15, 0.25, 0.90),
    "yellow": (0.95, 0.85, 0.10),
    "purple": (0.55, 0.15, 0.65),
    "orange": (1.00, 0.55, 0.05),
}
MOST = 3
"""Objects of a scene."""

PIXELS, CELL = 48, 16
RADIUS = (4.0, 7.0)  # pixels, of small and large


class Kinds(NamedTuple):
    """What objects there are, apart from their size and their colour."""

    words: tuple[str, ...]
    covered: Callable[[Array, Array, Array, Array, Array], Array]
    """(kind, drawing, y, x, r) -> how much of each place is covered, 0 to 1; places are as far from the middle of an
    object of radius r as y and x say, down and to the right, in pixels."""


class Scene(NamedTuple):
    """Objects in reading order, those of `MOST` that there are."""

    objects: Array  # how many
    size: Array  # [objects], numbers of SIZES
    color: Array  # of COLORS
    kind: Array  # which of `Kinds.words`
    drawing: Array  # a whole number, any: which of all drawings of its kind
    rightwards: Array  # [objects], whether the next one stands to the right of it, or else below
    center: Array  # [objects, 2], (y, x) in pixels


def image(scene: Scene, kinds: Kinds) -> Array:
    """The scene as pixels `[48, 48, 3]`, of which those on an edge are covered in part."""
    at = jnp.arange(PIXELS, dtype=jnp.float32) + 0.5
    y, x = jnp.meshgrid(at, at, indexing="ij")
    pixels = jnp.ones((PIXELS, PIXELS, 3), jnp.float32)
    for n in range(MOST):
        r = jnp.array(RADIUS, jnp.float32)[scene.size[n]]
        down, rightwards = y - scene.center[n, 0], x - scene.center[n, 1]
        covered = kinds.covered(scene.kind[n], scene.drawing[n], down, rightwards, r)
        covered = jnp.where(n < scene.objects, covered, 0)[..., None]
        color = jnp.array(list(COLORS.values()), jnp.float32)[scene.color[n]]
        pixels = (1 - covered) * pixels + covered * color
    return pixels
