"""Convolution of pictures as one product of matrices."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from rnnx.numerics import matmul_rows
from rnnx.types import Array


def convolution(below: int, above: int, rngs: nnx.Rngs) -> nnx.Conv:
    """A layer of 3 × 3 pixels at every other place, `[B, Y, X, below]` -> `[B, ⌈Y/2⌉, ⌈X/2⌉, above]`.

    It is computed by `by_patches`: training runs inside a scan, where the gradient of XLA's own convolution took sixty
    times as long on a CPU.
    """
    return nnx.Conv(below, above, (3, 3), strides=2, conv_general_dilated=by_patches, rngs=rngs)


def by_patches(
    inputs: Array, kernel: Array, strides: Sequence[int], padding: str | Sequence[tuple[int, int]], **_: Any
) -> Array:
    """Each place's patch as a row, times the kernel; what `jax.lax.conv_general_dilated` gives without dilation.

    Args:
      inputs: `[B, Y, X, C]`.
      kernel: `[y, x, C, F]`.
      strides: how far apart places are, down and across.
      padding: as `jax.lax.conv_general_dilated` takes it.

    >>> by_patches(jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1)), (2, 2), "SAME")[0, :, :, 0]
    Array([[9., 6.],
           [6., 4.]], dtype=float32)
    """
    high, wide, C, F = kernel.shape
    if isinstance(padding, str):
        padding = jax.lax.padtype_to_pads(inputs.shape[1:3], (high, wide), strides, padding)
    inputs = jnp.pad(inputs, ((0, 0), *padding, (0, 0)))
    Y, X = inputs.shape[1:3]
    down, across = strides
    patches = jnp.stack(
        [
            inputs[:, i : Y - high + i + 1 : down, j : X - wide + j + 1 : across]
            for i in range(high)
            for j in range(wide)
        ],
        axis=-2,
    )
    return matmul_rows(patches.reshape(*patches.shape[:3], high * wide * C), kernel.reshape(-1, F))
