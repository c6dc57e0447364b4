"""Ways to run time. Each engine is one file with one function of the file's name:

    engine(cell, params, xs, state, valid, resets, reverse, perturbations) -> (final_state, states)

for t = 1 … T (T … 1 if `reverse`):

    s = initial state where resets[t], else s_{t-1}
    s_t = step(s, x_t) + perturbations[t] where valid[t], else s_{t-1} (frozen)

`valid [T, B]`, `resets [T, B]` and `perturbations` (like the states) may be `None`; `states` is [T, B, …]. All engines
agree in value and gradient. Callers use `rnnx.unroll`, which prepares these arguments.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnnx import registry
from rnnx.types import Array, State


def names() -> tuple[str, ...]:
    """The names of all engines.

    >>> "scan" in names()
    True
    """
    return registry.names(__name__)


def get(name: str) -> Callable[..., tuple[State, State]]:
    """An engine by name; `ValueError` with the nearest known name if there is none."""
    return registry.get(__name__, name)


def select(mask: Array, on_true: State, on_false: State) -> State:
    """Choose between two states example by example, `mask [B]`, by `where`: a NaN not chosen does not survive."""

    def pick(a: Array, b: Array) -> Array:
        return jnp.where(jnp.expand_dims(mask, range(mask.ndim, a.ndim)), a, b)

    return jax.tree.map(pick, on_true, on_false)


def advance(
    step: Callable[[State, Array], State],
    initial: State,
    state: State,
    x: Array,
    valid: Array | None,
    reset: Array | None,
    perturbation: State | None,
) -> State:
    """One step of time with all that can happen at it; the two lines of this package's docstring."""
    new = step(state if reset is None else select(reset, initial, state), x)
    if perturbation is not None:
        new = jax.tree.map(jnp.add, new, perturbation)
    return new if valid is None else select(valid, new, state)
