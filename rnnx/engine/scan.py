"""`jax.lax.scan` over time: compiled once for any T, differentiable in both modes and to any order.

For a `Dense` cell the products with x are taken out of the loop and done as one.
"""

import jax

from rnnx.engine import advance
from rnnx.types import Array, Cell, Params, State


def scan(
    cell: Cell,
    params: Params,
    xs: Array,
    state: State,
    valid: Array | None,
    resets: Array | None,
    reverse: bool,
    perturbations: State | None,
) -> tuple[State, State]:
    """Run the cell under `jax.lax.scan`."""
    initial = cell.initial_state(params, xs.shape[1:-1])
    form = cell.form

    if form is None:
        inputs = xs

        def step(state: State, x: Array) -> State:
            return cell.step(params, state, x)

    else:
        inputs = form.project(params, xs)
        W = form.recurrent(params)

        def step(state: State, gx: Array) -> State:
            return form.pointwise(params, state, gx, form.hidden(state) @ W)

    def body(state: State, at_t: tuple) -> tuple[State, State]:
        state = advance(step, initial, state, *at_t)
        return state, state

    return jax.lax.scan(body, state, (inputs, valid, resets, perturbations), reverse=reverse)
