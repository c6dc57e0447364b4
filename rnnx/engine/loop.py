"""A Python loop over time: one trace per step, slow to compile, and the oracle that other engines are held to."""

import functools
import operator

import jax
import jax.numpy as jnp

from rnnx.engine import Engine, advance
from rnnx.types import Array, Cell, Params, State


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
    """Run `cell.step` in a Python loop."""
    assert cell.step is not None
    step = functools.partial(cell.step, params)
    initial = cell.initial_state(params, xs.shape[1:-1])
    T = xs.shape[0]
    states = [state] * T
    for t in reversed(range(T)) if reverse else range(T):
        state = advance(
            step,
            initial,
            state,
            xs[t],
            None if valid is None else valid[t],
            None if resets is None else resets[t],
            jax.tree.map(operator.itemgetter(t), perturbations),
        )
        states[t] = state
    return state, jax.tree.map(lambda *s: jnp.stack(s), *states)


loop = Engine(_run)
