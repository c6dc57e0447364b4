"""`jax.lax.scan` over time: compiled once for any T, differentiable in both modes and to any order.

For a `Dense` cell the products with x are taken out of the loop and done as one.
"""

import functools
from collections.abc import Callable

import jax

from rnnx.engine import Engine, advance
from rnnx.types import Array, Cell, Dense, Params, State


def _run(
    cell: Cell,
    params: Params,
    xs: Array,
    state: State,
    valid: Array | None,
    resets: Array | None,
    reverse: bool,
    perturbations: State | None,
    remat: None,
) -> tuple[State, State]:
    """Run the cell under `jax.lax.scan`."""
    initial = cell.initial_state(params, xs.shape[1:-1])
    form = cell.form

    step: Callable[[State, Array], State]
    if not isinstance(form, Dense):
        assert cell.step is not None
        inputs, step = xs, functools.partial(cell.step, params)
    else:
        W = form.recurrent(params)
        inputs, step = form.project(params, xs), lambda s, gx: form.pointwise(params, s, gx, form.hidden(s) @ W)

    def body(state: State, at_t: tuple) -> tuple[State, State]:
        state = advance(step, initial, state, *at_t)
        return state, state

    return jax.lax.scan(body, state, (inputs, valid, resets, perturbations), reverse=reverse)


scan = Engine(_run)
