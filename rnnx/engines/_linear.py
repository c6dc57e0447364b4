"""Linear recurrences x_t = A_t x_{t-1} + b_t with x_0 = 0, parallel in time: what `associative` and `newton` stand on.

Two steps compose to one, (A_2, b_2) ∘ (A_1, b_1) = (A_2 A_1, A_2 b_1 + b_2), and that in any grouping, so all x_t come
out of `jax.lax.associative_scan` (Blelloch 1990, "Prefix sums and their applications"). As a linear system for all x_t
at once its transpose is the same recurrence backwards in time with A_{t+1}ᵀ, which is the way of the gradient.
"""

import warnings
from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnnx.types import Array


def parallel(A: Array, b: Array, resets: Array | None = None, reverse: bool = False) -> Array:
    """x_1 … x_T `[T, B, S]` from A `[T, B, S, S]`, or `[T, B, S]` where it is diagonal, and b `[T, B, S]`.

    Where `resets [T, B, 1]` is true x_t is b_t alone, whatever came before; `reverse` goes from t = T to 1.

    >>> ones = jax.numpy.ones((4, 1))
    >>> parallel(2 * ones, ones)[:, 0]
    Array([ 1.,  3.,  7., 15.], dtype=float32)
    """

    def compose(first: tuple, second: tuple) -> tuple:
        (A_1, b_1, reset_1), (A_2, b_2, reset_2) = first, second
        A_21 = A_2 * A_1 if A.ndim == b.ndim else jnp.matmul(A_2, A_1, precision="highest")
        b_21 = _times(A_2, b_1) + b_2
        if resets is None:
            return A_21, b_21, None
        # A stretch of steps that holds a reset gives b whatever comes before. That is carried as a flag and chosen by
        # `where`, because a factor of 0 would let a NaN through; A is then never looked at.
        return A_21, jnp.where(reset_2, b_2, b_21), reset_1 | reset_2

    return jax.lax.associative_scan(compose, (A, b, resets), reverse=reverse)[1]


def solution(A: Array, b: Array) -> Array:
    """The same for dense A, differentiable in both modes and to any order, and never worse than step by step.

    A product of many A_t can overflow, or lose what matters, where the x_t themselves do not. So the x_t found are put
    into the recurrence; where they do not fit as rounding lets one expect, it is run step by step, with a warning.
    """

    def defect(x: Array) -> Array:
        return x - _times(A, shifted(x))

    def transposed(_: object, b: Array) -> Array:
        A_tp1 = shifted(A, reverse=True)
        return jnp.flip(_checked(jnp.flip(jnp.swapaxes(A_tp1, -1, -2), 0), jnp.flip(b, 0)), 0)

    return jax.lax.custom_linear_solve(defect, b, lambda _, b: _checked(A, b), transposed)


def fallback(done: Array, value: Array, otherwise: Callable[[], Array], warning: str) -> Array:
    """`value` if `done`, else `otherwise()` with a `RuntimeWarning`.

    `jax.lax.cond` would compute both under `jax.vmap`. A loop that runs at most once is entered only if one of those
    mapped over needs it.
    """

    def warn(done: Array) -> None:
        if not done:  # those mapped over that need nothing come by here too
            warnings.warn(warning, RuntimeWarning, stacklevel=2)

    def once(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        jax.debug.callback(warn, carry[0])
        return jnp.ones_like(carry[0]), otherwise()

    return jax.lax.while_loop(lambda carry: ~carry[0], once, (done, value))[1]


def _checked(A: Array, b: Array) -> Array:
    x = parallel(A, b)
    x_tm1 = shifted(x)
    off = jnp.abs(x - _times(A, x_tm1) - b)
    limits = jnp.finfo(b.dtype)
    # What is lost below the smallest number comes on top, which the factors of a product reach before the product.
    rounding = 256 * limits.eps * (_times(jnp.abs(A), jnp.abs(x_tm1)) + jnp.abs(b))
    underflow = b.shape[-1] * limits.tiny * jnp.maximum(1, jnp.max(jnp.abs(b), initial=0))
    fits = jnp.all(jnp.max(off, axis=-1) <= jnp.max(rounding, axis=-1) + underflow)

    def step(x: Array, at_t: tuple[Array, Array]) -> tuple[Array, Array]:
        A_t, b_t = at_t
        x = _times(A_t, x) + b_t
        return x, x

    return fallback(
        fits,
        x,
        lambda: jax.lax.scan(step, jnp.zeros_like(b[0]), (A, b))[1],
        "engine 'newton': the derivative lost its precision in parallel, because products of Jacobians explode or are "
        "not finite, so it was computed step by step: right, but slower than with engine='scan'.",
    )


def _times(A: Array, x: Array) -> Array:
    return A * x if A.ndim == x.ndim else jnp.matmul(A, x[..., None], precision="highest")[..., 0]


def shifted(x: Array, reverse: bool = False) -> Array:
    """x_{t-1} (x_{t+1} if `reverse`), and zero at the end where there is none."""
    zero = jnp.zeros_like(x[:1])
    return jnp.concatenate([x[1:], zero]) if reverse else jnp.concatenate([zero, x[:-1]])
