"""States that fit s_t = f(s_{t-1}, …) at every t, by Newton's method; the mathematics is in `rnnx.engines.newton`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnnx.engines import _linear
from rnnx.types import Array


class NewtonReport(NamedTuple):
    """How the iteration went. Sizes are of the largest entry, by the largest state entry of the example so far."""

    iterations: Array
    """How often all T steps were done at once, the last time being the check."""
    correction: Array
    """[B]: the last δ_t, at the worst t."""
    residual: Array
    """[B]: f(s_{t-1}, x_t) - s_t with the states then reached, at the worst t."""
    converged: Array
    """[B]: neither is above the tolerance. Were that not so for all, all states were computed step by step."""


def fixed_point(
    f: Callable[[Array, Any], Array],
    linearised: Callable[[Array, Any], tuple[Array, Array]],
    s_0: Array,
    at: Any,
    *,
    dense: bool,
    damping: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[Array, NewtonReport]:
    """s_1 … s_T [T, B, S] of s_t = f(s_{t-1}, at[t]); `linearised` gives f and the A to iterate with."""
    T = jax.tree.leaves(at)[0].shape[0]
    # Both close over the parameters, and a cell may close over more that is being differentiated or mapped over; a
    # function with a derivative of its own may not, so all of that is made an argument.
    at_1 = jax.tree.map(lambda a: a[0], at)
    f, of_f = jax.closure_convert(f, s_0, at_1)
    linearised, of_linearised = jax.closure_convert(linearised, s_0, at_1)

    def before(s_0: Array, s: Array) -> Array:
        return jnp.concatenate([s_0[None], s[:-1]])

    def at_once(f: Callable, s_tm1: Array, at: Any, closure: list) -> Any:
        return jax.vmap(lambda s, at_t: f(s, at_t, *closure))(s_tm1, at)

    @jax.custom_jvp
    def solution(s_0: Array, at: Any, of_f: list, of_linearised: list) -> tuple[Array, NewtonReport]:
        def iterate(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            k, s, _ = carry
            f_s, A = at_once(linearised, before(s_0, s), at, of_linearised)
            correction = _linear.parallel((1 - damping) * A, f_s - s)
            s = s + correction
            return k + 1, s, _worst(correction, s)

        def open_yet(carry: tuple[Array, Array, Array]) -> Array:
            k, _, correction = carry
            return (k < max_iterations) & jnp.any(correction > tolerance)  # false for NaN, which nothing can mend

        s = jnp.broadcast_to(jnp.zeros_like(s_0), (T, *s_0.shape))
        infinite = jnp.full_like(jnp.sum(s_0, axis=-1), jnp.inf)
        k, s, correction = jax.lax.while_loop(open_yet, iterate, (jnp.zeros((), int), s, infinite))
        residual = _worst(at_once(f, before(s_0, s), at, of_f) - s, s)
        converged = (correction <= tolerance) & (residual <= tolerance)

        def one_by_one(s: Array, at_t: Any) -> tuple[Array, Array]:
            s = f(s, at_t, *of_f)
            return s, s

        s = _linear.fallback(
            jnp.all(converged),
            s,
            lambda: jax.lax.scan(one_by_one, s_0, at)[1],
            f"engine 'newton' did not converge within {max_iterations} iterations over {T} steps, or met what is not "
            "finite, so the states were computed step by step: right, but slower than with engine='scan'. "
            "rnnx.engines.newton.solve has the options and reports.",
        )
        return s, NewtonReport(k, correction, residual, converged)

    @solution.defjvp
    def derivative(primals: tuple, tangents: tuple) -> tuple:
        s, report = solution(*primals)
        s_0, at, of_f, of_linearised = primals
        _, direct = jax.jvp(lambda s_0, at, of_f: at_once(f, before(s_0, s), at, of_f), primals[:3], tangents[:3])
        s_tm1 = before(s_0, s)
        if dense:
            _, A = at_once(linearised, s_tm1, at, of_linearised)
            ds = _linear.solution(A, direct)
        else:

            def push(ds: Array, at_t: tuple) -> tuple[Array, Array]:
                s, at_t, direct = at_t
                _, pushed = jax.jvp(lambda s: f(s, at_t, *of_f), (s,), (ds,))
                return pushed + direct, pushed + direct

            _, ds = jax.lax.scan(push, jnp.zeros_like(s_0), (s_tm1, at, direct))
        return (s, report), (ds, jax.tree.map(jax.custom_derivatives.zero_from_primal, report))

    return solution(s_0, at, of_f, of_linearised)


def _worst(change: Array, s: Array) -> Array:
    """The largest |change_t| / max_{τ ≤ t} |s_τ| over t, [B]: what grows later does not excuse what was before."""
    change, s = jnp.max(jnp.abs(change), axis=-1), jnp.max(jnp.abs(s), axis=-1)
    return jnp.max(jnp.where(change == 0, change, change / jax.lax.cummax(s)), axis=0)
