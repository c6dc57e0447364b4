"""Running a stretch of time piece by piece. `steps` is any pytree [T, …] of what happens at each step.

In all of these `run(steps, state) -> (final_state, states)` runs one piece, and `reverse` starts with the last one.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rnnx.types import State

Run = Callable[[Any, State], tuple[State, State]]


def split(tree: Any, size: int) -> Any:
    """[T, …] -> [T / size, size, …]."""
    return jax.tree.map(lambda a: a.reshape(len(a) // size, size, *a.shape[1:]), tree)


def joined(tree: Any) -> Any:
    """[n, size, …] -> [n · size, …]."""
    return jax.tree.map(lambda a: a.reshape(a.shape[0] * a.shape[1], *a.shape[2:]), tree)


def segment_size(remat: str | int, T: int) -> int:
    """Steps between two states that are kept; with "sqrt" there are as many segments as steps in one, about."""
    return divisor_near(T, math.isqrt(T - 1) + 1) if remat == "sqrt" else int(remat)


def divisor_near(T: int, wanted: int) -> int:
    """The divisor of T nearest to `wanted`, if it is within a factor of two: a rest would be a program of its own, and
    the steps before it would have to be copied."""
    near = [size for size in range(max(wanted // 2, 1), 2 * wanted + 1) if T % size == 0]
    return min(near, key=lambda size: abs(math.log(size / wanted)), default=wanted)


def in_two(
    run: Run, steps: Any, state: State, cut: int, reverse: bool, between: Callable[[State], State] = lambda state: state
) -> tuple[State, State]:
    """Run the steps before and after `cut`, one stretch after the other; only one if the other has no steps.

    `between` is done to the state that is handed from one to the other.
    """
    T = len(jax.tree.leaves(steps)[0])
    if cut in (0, T):
        return run(steps, state)
    before, after = (jax.tree.map(lambda a, part=part: a[part], steps) for part in (slice(cut), slice(cut, T)))
    if reverse:
        state, late = run(after, state)
        state, early = run(before, between(state))
    else:
        state, early = run(before, state)
        state, late = run(after, between(state))
    return state, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), early, late)


def piecewise(
    run: Run,
    steps: Any,
    state: State,
    size: int,
    reverse: bool,
    between: Callable[[State], State] = lambda state: state,
) -> tuple[State, State]:
    """Run `size` steps at a time under a scan, the last piece in the order of running being the shorter one."""

    def whole(steps: Any, state: State) -> tuple[State, State]:
        if len(jax.tree.leaves(steps)[0]) < size:
            return run(steps, state)

        def piece(carry: tuple[State, State], steps: Any) -> tuple[tuple[State, State], State]:
            final, states = run(steps, carry[0])
            return (between(final), final), states

        (_, final), states = jax.lax.scan(piece, (state, state), split(steps, size), reverse=reverse)
        return final, joined(states)

    rest = len(jax.tree.leaves(steps)[0]) % size
    cut = rest if reverse else len(jax.tree.leaves(steps)[0]) - rest
    return in_two(whole, steps, state, cut, reverse, between)


def rematerialized(run: Run, steps: Any, state: State, size: int, reverse: bool) -> tuple[State, State]:
    """Run `size` steps at a time, of which the backward pass knows the first state only and runs them again."""
    return piecewise(jax.checkpoint(run), steps, state, size, reverse)


def truncated(run: Run, steps: Any, state: State, size: int, reverse: bool) -> tuple[State, State]:
    """Run `size` steps at a time, with no gradient from one stretch to the one before it."""
    return piecewise(run, steps, state, size, reverse, between=jax.lax.stop_gradient)
