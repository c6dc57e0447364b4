"""Running time segment by segment. `steps` is any pytree [T, …] of what happens at each step.

In all of these `run(steps, state) -> (final_state, states)` runs one piece, and `reverse` starts with the last one.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rnnx.engines import Steps, select
from rnnx.types import Array, State

Run = Callable[[Any, State], tuple[State, State]]


def split(tree: Any, size: int) -> Any:
    """[T, …] -> [T / size, size, …]."""
    return jax.tree.map(lambda a: a.reshape(a.shape[0] // size, size, *a.shape[1:]), tree)


def merge_segments(tree: Any) -> Any:
    """[n, size, …] -> [n · size, …]."""
    return jax.tree.map(lambda a: a.reshape(a.shape[0] * a.shape[1], *a.shape[2:]), tree)


def segment_size(remat: str | int, T: int) -> int:
    """Steps between two states that are kept; with "sqrt" there are as many segments as steps in one, about.

    There is one segment if T is symbolic.
    """
    is_open = jax.export.is_symbolic_dim(T)
    if is_open:
        return T
    return divisor_near(T, math.isqrt(T - 1) + 1) if remat == "sqrt" else int(remat)


def divisor_near(T: int, wanted: int) -> int:
    """The divisor of T nearest to `wanted`, if it is within a factor of two: a rest would be a program of its own, and
    the steps before it would have to be copied."""
    near = [size for size in range(max(wanted // 2, 1), 2 * wanted + 1) if T % size == 0]
    return min(near, key=lambda size: abs(math.log(size / wanted)), default=wanted)


def run_two_segments(
    run_before: Run,
    run_after: Run,
    steps: Any,
    state: State,
    cut: int,
    reverse: bool,
) -> tuple[State, State]:
    """Run the steps before and after `cut`, one segment after the other; only one if the other has no steps."""
    T = jax.tree.leaves(steps)[0].shape[0]
    if cut == 0:
        return run_after(steps, state)
    if cut == T:
        return run_before(steps, state)
    before, after = (jax.tree.map(lambda a, part=part: a[part], steps) for part in (slice(cut), slice(cut, T)))
    if reverse:
        state, late = run_after(after, state)
        state, early = run_before(before, state)
    else:
        state, early = run_before(before, state)
        state, late = run_after(after, state)
    return state, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), early, late)


def run_segments(run: Run, steps: Any, state: State, size: int, reverse: bool) -> tuple[State, State]:
    """Run `size` steps at a time under a scan, the last piece in the order of running being the shorter one."""

    def whole(steps: Any, state: State) -> tuple[State, State]:
        final, states = jax.lax.scan(lambda state, steps: run(steps, state), state, split(steps, size), reverse=reverse)
        return final, merge_segments(states)

    T = jax.tree.leaves(steps)[0].shape[0]
    in_pieces = T // size * size
    if reverse:
        return run_two_segments(run, whole, steps, state, T - in_pieces, reverse)
    return run_two_segments(whole, run, steps, state, in_pieces, reverse)


def rematerialized(run: Run, steps: Any, state: State, size: int, reverse: bool) -> tuple[State, State]:
    """Run `size` steps at a time, of which the backward pass knows the first state only and runs them again."""
    return run_segments(jax.checkpoint(run), steps, state, size, reverse)


def truncated(run: Run, steps: Steps, state: State, size: int, reverse: bool) -> tuple[State, State]:
    """Run `size` steps at a time, with no gradient from one segment to the one before it.

    An example that has ended hands the gradient of its last state on, as it would without the steps behind it.
    """
    T = steps.xs.shape[0]
    if jax.export.is_symbolic_dim(T) and T % size != 0:  # a segment that may have no steps can't be compiled
        raise ValueError(
            f"truncate={size} must divide the number of steps if that is symbolic, as in {size}*n; it is {T}."
        )
    later = jnp.arange(T) != (T - 1 if reverse else 0)
    cuts = later if steps.valid is None else later.reshape(T, *[1] * (steps.valid.ndim - 1)) & steps.valid

    def cut_off(steps_and_cuts: tuple[Steps, Array], state: State) -> tuple[State, State]:
        steps, cuts = steps_and_cuts
        return run(steps, select(cuts[-1 if reverse else 0], jax.lax.stop_gradient(state), state))

    return run_segments(cut_off, (steps, cuts), state, size, reverse)
