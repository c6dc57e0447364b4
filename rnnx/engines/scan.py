"""`jax.lax.scan` over time: compiled once for any T, differentiable in both modes and to any order.

What needs the inputs alone is taken out of the loop and done at once: for a `Dense` cell the products with x, for a
`Diagonal` cell its coefficients.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax

from rnnx.engines import Engine, Steps, fusion_barrier, masked_step
from rnnx.types import Array, Cell, Dense, Diagonal, Params, State


def _run(cell: Cell, params: Params, steps: Steps, state: State, reverse: bool, recompute: bool) -> tuple[State, State]:
    """Run the cell under `jax.lax.scan`."""
    initial = cell.initial_state(params, steps.xs.shape[1:-1])
    inputs, step = (steps.xs, _step(cell, params)) if recompute else _hoisted(cell, params, steps.xs)

    def body(state: State, at_t: Steps) -> tuple[State, State]:
        state = masked_step(step, initial, state, at_t)
        return state, state

    body = jax.checkpoint(body) if recompute else body
    steps_of_inputs = steps._replace(xs=inputs)
    # A linear recurrence without a state has nothing [T, …] to count steps by; a symbolic T can't be told.
    T = None if jax.tree.leaves(steps_of_inputs) else steps.xs.shape[0]
    return jax.lax.scan(body, state, steps_of_inputs, T, reverse)


def _step(cell: Cell, params: Params) -> Callable[[State, Array], State]:
    assert cell.step is not None
    return functools.partial(cell.step, params)


def _hoisted(cell: Cell, params: Params, xs: Array) -> tuple[Any, Callable[[State, Any], State]]:
    """What can be computed for all t at once, and the step that is left."""
    form = cell.form
    if isinstance(form, Dense):
        W = form.recurrent(params)
        return form.project(params, xs), lambda s, gx: form.pointwise(
            params, s, fusion_barrier(gx), form.hidden(params, s) @ W
        )
    if isinstance(form, Diagonal):
        return form.over_time(params, xs), lambda s, ab: jax.tree.map(lambda a, b, s: a * s + b, *ab, s)
    return xs, _step(cell, params)


scan = Engine(_run, rematerializes=True)
