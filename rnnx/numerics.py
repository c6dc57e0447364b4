"""Arithmetic that floating point makes a question: products over all rows at once, norms and directions of any size."""

import math

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from rnnx.placement import split_axes
from rnnx.types import Array, State


def matmul_rows(xs: Array, kernel: Array) -> Array:
    """`xs @ kernel`, [..., I] times [I, G], as one product over all rows.

    Written with several leading axes, as [T, B, I], the same product has a gradient by the kernel that XLA's CPU code
    computes about four times slower.

    >>> matmul_rows(jnp.ones((5, 2, 3)), jnp.ones((3, 4))).shape
    (5, 2, 4)
    """
    if split_axes(xs):  # a device's share is no stretch of the rows
        return xs @ kernel
    return (xs.reshape(-1, xs.shape[-1]) @ kernel).reshape(*xs.shape[:-1], kernel.shape[-1])


def product_over_rows(h: Array, g: Array, dtype: jax.typing.DTypeLike) -> Array:
    """Σ hᵀ g over all leading axes, [..., H] times [..., G] -> [H, G], summed in `dtype`.

    >>> product_over_rows(jnp.ones((5, 2, 3)), jnp.ones((5, 2, 4)), jnp.float32)[0]
    Array([10., 10., 10., 10.], dtype=float32)
    """
    out_sharding = None
    if split_axes(h):
        out_sharding = NamedSharding(jax.typeof(h).sharding.mesh, PartitionSpec(None, None))
    else:
        h, g = h.reshape(-1, h.shape[-1]), g.reshape(-1, g.shape[-1])
    rows = tuple(range(h.ndim - 1))
    return jax.lax.dot_general(h, g, ((rows, rows), ((), ())), preferred_element_type=dtype, out_sharding=out_sharding)


def log10_norm(*parts: Array) -> Array:
    """log10 of the Euclidean norm over the last axis of all parts together, without squaring what may underflow.

    log10 ‖v‖ = log10 m + ½ log10 Σ (v / m)²  with m = max |v|. Exactly zero gives -inf; NaN gives NaN.

    v [..., H] -> [...].

    >>> round(float(log10_norm(jnp.array([3e-30, 4e-30]))), 4)
    -29.301
    """
    v = jnp.concatenate([jnp.abs(part) for part in parts], axis=-1)
    largest = jnp.max(v, axis=-1, initial=0)
    one = jnp.ones((), v.dtype)
    m = jnp.where((largest > 0) & (largest < jnp.inf), largest, one)
    square = jnp.sum(jnp.square(v / m[..., None]), axis=-1)  # at least 1, but for v = 0
    return jnp.log10(largest) + 0.5 * jnp.log10(jnp.maximum(square, one))


def log10_state_norm(state: State, leading: tuple[int, ...]) -> Array:
    """The same of a whole state `[*leading, …]`, whose parts may have any number of axes behind the leading ones.

    [*leading, …] -> [*leading].
    """
    rows = [part.reshape(*leading, math.prod(part.shape[len(leading) :])) for part in jax.tree.leaves(state)]
    return log10_norm(*rows) if rows else jnp.full(leading, -jnp.inf)


def unit_vector(v: Array) -> Array:
    """v / ‖v‖ over the last axis, without squaring what may underflow; zero where v is exactly zero.

    >>> unit_vector(jnp.array([3e-30, 4e-30])).round(6)
    Array([0.6, 0.8], dtype=float32)
    """
    largest = jnp.max(jnp.abs(v), axis=-1, keepdims=True)
    scaled = v / jnp.where(largest == 0, 1, largest).astype(v.dtype)
    norm = jnp.linalg.norm(scaled, axis=-1, keepdims=True)  # at least 1, but for v = 0
    return scaled / jnp.maximum(norm, 1).astype(v.dtype)
