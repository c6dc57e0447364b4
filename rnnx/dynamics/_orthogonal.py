"""Vectors of whatever lengths, made orthogonal by rotations among them: a singular value decomposition in log space.

Vectors e^{l_i} v_i, with v_i of length 1 and l_i of any size, are the rows of a matrix. One-sided Jacobi rotations of
two rows at a time, until all are orthogonal, do not change its singular values, which then are the lengths e^{l_i}. A
rotation needs the angle between two rows and the ratio of their lengths only, so nothing overflows or underflows, and
every singular value is right to the resolution of the number format, be it e^{-1000} times the largest (Demmel &
Veselić 1992, "Jacobi's method is more accurate than QR").
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.norm import norm
from rnnx.types import Array

_SWEEPS = 30
"""More than ever needed: convergence is quadratic, and about ten sweeps do."""


class _Rows(NamedTuple):
    vectors: Array  # v_i of length 1, or zero, [..., S, N]
    log: Array  # l_i, [..., S]
    floor: Array  # below it l_i is what rounding left of zero


def orthogonalised(vectors: Array, log: Array) -> tuple[Array, Array]:
    """Rows `[..., S, N]` times e^{log `[..., S]`} -> the same, orthonormal, with the logarithms of singular values.

    The rows may have any length, but are taken to be right to within rounding of the longest of them. A row of which
    no more than rounding is left becomes zero, with the logarithm -inf. A row with a NaN keeps it.

    >>> rows, log = orthogonalised(jnp.array([[3.0, 4.0], [3.0, 4.0]]), jnp.array([100.0, -100.0]))
    >>> print([f"{l:.3f}" for l in log])  # ln 5 + 100, and the second row added nothing
    ['101.609', '-inf']
    """
    S = vectors.shape[-2]
    tolerance = float((S + 10) * jnp.finfo(vectors.dtype).eps)
    if S % 2:  # every row needs a partner
        vectors = jnp.concatenate([vectors, jnp.zeros_like(vectors[..., :1, :])], axis=-2)
        log = jnp.concatenate([log, jnp.full_like(log[..., :1], -jnp.inf)], axis=-1)
    n = vectors.shape[-2]
    longest = jnp.max(norm(vectors), axis=-1, keepdims=True)
    rows = _normalised(_Rows(vectors, log, floor=log + jnp.log(tolerance * longest)))

    def unfinished(carry: tuple[_Rows, Array]) -> Array:
        rows, sweeps = carry
        cosines = jnp.where(jnp.eye(n, dtype=bool), 0, rows.vectors @ rows.vectors.mT)
        return (sweeps < _SWEEPS) & jnp.any(jnp.abs(cosines) > tolerance)

    def sweep(carry: tuple[_Rows, Array]) -> tuple[_Rows, Array]:
        rows, sweeps = carry
        return jax.lax.fori_loop(0, n - 1, lambda _, rows: _next_pairs(_rotated(rows, tolerance)), rows), sweeps + 1

    rows, _ = jax.lax.while_loop(unfinished, sweep, (rows, jnp.zeros((), int)))
    return rows.vectors[..., :S, :], rows.log[..., :S]


def _rotated(rows: _Rows, tolerance: float) -> _Rows:
    """Make row i orthogonal to row i + n/2, for all i < n/2 at once.

    For rows u and d v, of which the second is the shorter, d ≤ 1, at an angle with the cosine a,

        τ = 2 a / (1 - d² + √((1 - d²)² + 4 d² a²))        u ← c (u + τ d² v)        v ← c (v - τ u)

    with c = 1 / √(1 + τ² d²). For d → 0 this is Gram and Schmidt's step, v ← v - a u.
    """
    u, v = jnp.split(rows.vectors, 2, axis=-2)
    log_u, log_v = jnp.split(rows.log, 2, axis=-1)
    a = jnp.sum(u * v, axis=-1)
    skew = jnp.abs(a) > tolerance  # where one is zero, or NaN, nothing is turned
    d2 = jnp.where(skew, jnp.exp(-2 * jnp.abs(log_u - log_v)), 0)
    a = jnp.where(skew, a, 0)
    tau = 2 * a / (1 - d2 + jnp.sqrt(jnp.square(1 - d2) + jnp.where(skew, 4 * d2 * jnp.square(a), 1)))
    u_longer = log_u >= log_v
    of_v = jnp.where(u_longer, tau * d2, -tau)[..., None]
    of_u = jnp.where(u_longer, -tau, tau * d2)[..., None]
    c = jax.lax.rsqrt(1 + jnp.square(tau) * d2)[..., None]
    turned = jnp.concatenate([c * (u + of_v * v), c * (v + of_u * u)], axis=-2)
    return _normalised(rows._replace(vectors=turned))


def _next_pairs(rows: _Rows) -> _Rows:
    """At a table with two sides, 0 1 … across from n/2 n/2+1 …, all but the first move on by one seat, round the table.

    After n - 1 rounds each has met each, and all sit as before.
    """
    n = rows.log.shape[-1]
    ring = [*range(1, n // 2), *range(n - 1, n // 2 - 1, -1)]
    seats = np.arange(n)
    seats[ring] = np.roll(ring, 1)
    return _Rows(rows.vectors[..., seats, :], rows.log[..., seats], rows.floor[..., seats])


def _normalised(rows: _Rows) -> _Rows:
    """Rows of length 1, their lengths moved to the logarithms, or zero."""
    length = norm(rows.vectors)
    log = rows.log + jnp.log(length)
    lost = log <= rows.floor
    vectors = jnp.where(lost[..., None], 0, rows.vectors / jnp.where(lost, 1, length)[..., None])
    return rows._replace(vectors=vectors, log=jnp.where(lost, -jnp.inf, log))
