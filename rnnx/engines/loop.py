"""A Python loop over time: one trace per step, slow to compile, and the oracle that other engines are held to."""

import functools
import operator

import jax
import jax.numpy as jnp

from rnnx.engines import Engine, Steps, masked_step
from rnnx.types import Cell, Params, State


def _run(cell: Cell, params: Params, steps: Steps, state: State, reverse: bool, recompute: bool) -> tuple[State, State]:
    """Run `cell.step` in a Python loop."""
    assert cell.step is not None
    step = functools.partial(cell.step, params)
    initial = cell.initial_state(params, steps.xs.shape[1:-1])
    T = steps.xs.shape[0]
    states = [state] * T
    for t in reversed(range(T)) if reverse else range(T):
        state = masked_step(step, initial, state, jax.tree.map(operator.itemgetter(t), steps))
        states[t] = state
    return state, jax.tree.map(lambda *s: jnp.stack(s), *states)


loop = Engine(_run, counts_steps=True)
