"""What happened at each step, in the order of lag, for measurements that go back through time by themselves."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnnx.diagnostics._lag import step_at
from rnnx.types import Array, GradientFlow, State


class AtLag(NamedTuple):
    """Step t = last - k of each example for the lags k = 0 … T - 1, [T, B, …]; zeros where an example has no such step,
    so that nothing of the padding, be it NaN, is ever computed with."""

    there: Array
    """[T, B]."""
    first: Array
    """[T, B]: the example's first step, whose s_{t-1} is the initial state."""
    before: State
    """s_{t-1}."""
    after: State
    """s_t."""
    x: Array
    output_gradient: Array
    """∂L/∂y_t."""


def at_lag(flow: GradientFlow) -> AtLag:
    """The steps by lag."""
    inputs, last = flow.inputs, flow.last
    t = step_at(len(inputs), last)
    of_steps = (sort_by_lag(tree, last) for tree in (flow.before, flow.after, inputs, flow.output_gradients))
    return AtLag(t >= 0, t == 0, *of_steps)


def sort_by_lag(tree: Any, last: Array) -> Any:
    """Arrays `[T, B, …]` by lag, with zeros where an example has no such step."""

    def leaf_by_lag(leaf: Array) -> Array:
        t = step_at(len(leaf), last)
        there = (t >= 0).reshape(*t.shape, *[1] * (leaf.ndim - 2))
        return jnp.where(there, leaf[jnp.maximum(t, 0), jnp.arange(len(last))], jnp.zeros((), leaf.dtype))

    return jax.tree.map(leaf_by_lag, tree)


def mask_state(mask: Array, state: State) -> State:
    """The state of the examples in `mask [B]`, zero for the others."""

    def of_leaf(s: Array) -> Array:
        return jnp.where(mask.reshape(-1, *[1] * (s.ndim - 1)), s, jnp.zeros((), s.dtype))

    return jax.tree.map(of_leaf, state)
