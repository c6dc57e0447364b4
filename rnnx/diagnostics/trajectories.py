"""Trajectories: the states themselves, as they move through their space."""

import jax.numpy as jnp

from rnnx.diagnostics._tags import Tag
from rnnx.dynamics.jacobians import Flat, check_state
from rnnx.types import Array, GradientFlow

TAGS = (
    Tag(
        "trajectories/states",
        "",
        "the states s_0 … s_T of every example as real numbers, `NaN` past an example's length: for pictures and the "
        "projector",
    ),
)


def trajectories(flow: GradientFlow) -> dict[str, Array]:
    """The states s_0 … s_T of every example as real numbers.

    Tag: `trajectories/states` `[T + 1, B, S]`, with S numbers in one example's state (two for a complex one); NaN past
    an example's length. For pictures and TensorBoard's projector, by `experiments.analyze`, as there is much of it.
    Cost: none. Raises `ValueError` for a cell without a state.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> def run(params):
    ...     return rnnx.gradient_flow(cell, params, jax.numpy.ones((5, 4, 3)), lambda ys: ys[-1].sum())
    >>> flow = jax.jit(run)(params)
    >>> trajectories(flow)["trajectories/states"].shape
    (6, 4, 16)
    """
    check_state("trajectories", flow.states)
    states = Flat(flow.states, batch_axes=2).pack(flow.states)
    there = jnp.concatenate([jnp.ones_like(flow.lag[:1], bool), flow.lag >= 0])
    return {"trajectories/states": jnp.where(there[..., None], states, jnp.nan)}
