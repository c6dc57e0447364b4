"""Euclidean norms of numbers whose squares may be beyond the number format.

    ‖v‖ = m ‖v / m‖,    m = 2^⌊log₂ max |v|⌋

where √Σ v² is infinite, or so small that squares are lost. Everywhere else that is what is returned, to the last bit:
scaled, the same sum may be compiled to another order.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from rnnx.types import Array


def global_norm(tree: Any) -> Array:
    """The norm of all arrays of a pytree together, a scalar; infinite only where it is itself beyond the number format.

    Inf gives inf, and NaN gives NaN.

    >>> print(f"{global_norm({'w': jnp.array([3e25, 4e25]), 'b': jnp.zeros(2)}):.3g}")
    5e+25
    """
    plain = jnp.asarray(optax.tree.norm(tree))
    if not jax.tree.leaves(tree):
        return plain
    # A branch, not a choice between two that are both computed, for the sake of the last bits and of time.
    return jax.lax.cond(_ordinary(plain), lambda tree: plain, _scaled_norm, tree)


def norm(v: Array) -> Array:
    """The norm over the last axis, [..., N] -> [...].

    >>> print(f"{norm(jnp.array([3e-25, 4e-25])):.3g}")
    5e-25
    """
    plain = jnp.linalg.norm(v, axis=-1)
    m = power_of_two(jnp.max(jnp.abs(v), axis=-1))
    return jnp.where(_ordinary(plain), plain, m * jnp.linalg.norm(v / m[..., None].astype(v.dtype), axis=-1))


def _scaled_norm(tree: Any) -> Array:
    m = power_of_two(jnp.stack([jnp.max(jnp.abs(leaf), initial=0) for leaf in jax.tree.leaves(tree)]).max())
    return m * optax.tree.norm(jax.tree.map(lambda leaf: leaf / m.astype(leaf.dtype), tree))


def _ordinary(plain: Array) -> Array:
    """Whether no square has overflowed, and none that counts was lost."""
    limits = jnp.finfo(plain.dtype)
    return (plain > limits.tiny**0.5 / limits.eps) & (plain < jnp.inf)


def power_of_two(largest: Array) -> Array:
    """The one at or below, elementwise; some one for 0, inf and NaN, which stay what they are when divided by it.

    Half of it for the very largest, so that its reciprocal, by which XLA may multiply, is no subnormal number.

    >>> power_of_two(jnp.array([0.3, 1.0, 7e20]))
    Array([2.500000e-01, 1.000000e+00, 5.902958e+20], dtype=float32)
    """
    _, exponent = jnp.frexp(largest)
    return jnp.ldexp(jnp.ones_like(largest), jnp.minimum(exponent, jnp.finfo(largest.dtype).maxexp - 1) - 1)
