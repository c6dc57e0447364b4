"""Objects of a size, a colour and a shape, drawn on white pixels."""

import math
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
SHAPES = ("circle", "square", "triangle", "cross")

MOST = 3
"""Objects of a scene."""

PIXELS, CELL = 48, 16
RADIUS = (4.0, 7.0)  # pixels, of small and large


class Scene(NamedTuple):
    """Objects in reading order, those of `MOST` that there are."""

    objects: Array  # how many
    size: Array  # [objects], numbers of SIZES
    color: Array  # of COLORS
    shape: Array  # of SHAPES
    rightwards: Array  # [objects], whether the next one stands to the right of it, or else below
    center: Array  # [objects, 2], (y, x) in pixels


def image(scene: Scene) -> Array:
    """The scene as pixels `[48, 48, 3]`, of which those on an edge are covered in part."""
    at = jnp.arange(PIXELS, dtype=jnp.float32) + 0.5
    y, x = jnp.meshgrid(at, at, indexing="ij")
    pixels = jnp.ones((PIXELS, PIXELS, 3), jnp.float32)
    for n in range(MOST):
        r = jnp.array(RADIUS, jnp.float32)[scene.size[n]]
        outside = _outside(y - scene.center[n, 0], x - scene.center[n, 1], r)[scene.shape[n]]
        covered = jnp.where(n < scene.objects, jnp.clip(0.5 - outside, 0, 1), 0)[..., None]
        color = jnp.array(list(COLORS.values()), jnp.float32)[scene.color[n]]
        pixels = (1 - covered) * pixels + covered * color
    return pixels


def _outside(y: Array, x: Array, r: Array) -> Array:
    """How far from each shape's edge, in pixels, a place is, below 0 inside; in the order of SHAPES, all in r."""

    def box(half_height: Array, half_width: Array) -> Array:
        return jnp.maximum(jnp.abs(y) - half_height, jnp.abs(x) - half_width)

    slope = jnp.float32(2 / math.sqrt(5))  # of a triangle as wide as it is high, standing on its base
    return jnp.stack(
        [
            jnp.sqrt(y**2 + x**2) - r,
            box(0.85 * r, 0.85 * r),
            jnp.maximum(y - r, slope * (jnp.abs(x) - (y + r) / 2)),
            jnp.minimum(box(r, 0.3 * r), box(0.3 * r, r)),
        ]
    )
