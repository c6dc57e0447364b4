"""Shapes as the objects of a scene: all circles are alike."""

import math

import jax.numpy as jnp

from rnnx.tasks.images._drawing import Kinds
from rnnx.types import Array


def shapes() -> Kinds:
    """Four shapes, whatever the number of the drawing."""

    def covered(kind: Array, drawing: Array, y: Array, x: Array, r: Array) -> Array:
        return jnp.clip(0.5 - _outside(y, x, r)[kind], 0, 1)

    return Kinds(("circle", "square", "triangle", "cross"), covered)


def _outside(y: Array, x: Array, r: Array) -> Array:
    """How far from each shape's edge, in pixels, a place is, below 0 inside; in the order of their words, all in r."""

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
