"""Two cells, one run from the first step to the last and one from the last to the first.

y_t = merge(y_t^forward, y_t^backward)    s_t^backward = step(s_{t+1}^backward, x_t)
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx.combinators import _common
from rnnx.factory import factory
from rnnx.types import Array, Cell, Composed, Params, State


class BidirectionalParams(NamedTuple):
    """Parameters of `bidirectional`."""

    forward: Params
    backward: Params


class BidirectionalState(NamedTuple):
    """State of `bidirectional`. At index t the backward part has seen x_T … x_t; its final state is that at t = 1."""

    forward: State
    backward: State


Merge = Callable[[Array, Array], Array]
"""(y^forward [..., Y], y^backward [..., Y']) -> y: on the last axis, with any axes before it."""

MERGES: dict[str, Merge] = {
    "concat": lambda forward, backward: jnp.concatenate([forward, backward], axis=-1),
    "sum": jnp.add,
    "mul": jnp.multiply,
    "ave": lambda forward, backward: (forward + backward) / 2,
}
"""By the names that they have in Keras."""


@factory
def bidirectional(forward: Cell, backward: Cell, *, merge: str | Merge = "concat") -> Cell:
    """Two cells run in opposite directions, their outputs made one (Schuster & Paliwal 1997).

    With `lengths` the second one starts at each example's own last step; a reset stands before a step in the direction
    of each cell. The whole can be unrolled but not stepped, since y_t depends on later inputs, and it has no gates,
    since s_{t-1} is not what the second one's gates at t depend on.

    Args:
      forward: the cell that runs from t = 1 to T.
      backward: the cell that runs from t = T to 1.
      merge: what becomes of the two outputs: "concat" puts y_t^forward before y_t^backward, "sum", "mul" and "ave" take
        two of one size, or a function of both.

    Raises:
      ValueError: something that is not a cell; an unknown merge, or one that can't merge outputs of these sizes.

    >>> import jax, rnnx
    >>> cell = rnnx.bidirectional(rnnx.gru(hidden_size=8), rnnx.gru(hidden_size=8))
    >>> params = cell.init(jax.random.key(0), 3)
    >>> rnnx.unroll(cell, params, jax.numpy.ones((5, 2, 3)), lengths=jax.numpy.array([5, 2])).outputs.shape
    (5, 2, 16)
    """
    _common.cells("bidirectional", forward, backward)
    merged = merge if callable(merge) else MERGES[checks.choice("merge", merge, MERGES)]
    output_size = _merged_size(merge, merged, forward.output_size, backward.output_size)

    def init(key: Array, input_size: int) -> BidirectionalParams:
        forward_key, backward_key = jax.random.split(key)
        return BidirectionalParams(forward.init(forward_key, input_size), backward.init(backward_key, input_size))

    def initial_state(params: BidirectionalParams, batch_shape: tuple[int, ...]) -> BidirectionalState:
        return BidirectionalState(
            forward.initial_state(params.forward, batch_shape), backward.initial_state(params.backward, batch_shape)
        )

    def read(params: BidirectionalParams, state: BidirectionalState, x: Array) -> Array:
        return merged(forward.read(params.forward, state.forward, x), backward.read(params.backward, state.backward, x))

    def over_time(
        run: Callable,
        params: BidirectionalParams,
        xs: Array,
        state: BidirectionalState,
        perturbations: BidirectionalState | None,
    ) -> tuple[BidirectionalState, BidirectionalState]:
        added = BidirectionalState(None, None) if perturbations is None else perturbations
        f_final, f_states = run(forward, params.forward, xs, state.forward, added.forward)
        b_final, b_states = run(backward, params.backward, xs, state.backward, added.backward, flip=True)
        return BidirectionalState(f_final, b_final), BidirectionalState(f_states, b_states)

    return Cell(
        init=init,
        initial_state=initial_state,
        step=None,
        read=read,
        output_size=output_size,
        form=Composed(over_time),
    )


def _merged_size(name: str | Merge, merged: Merge, forward: int, backward: int) -> int:
    """How many numbers come of two outputs of these sizes."""
    ys = [jax.ShapeDtypeStruct((size,), jnp.float32) for size in (forward, backward)]
    try:
        shape = jax.eval_shape(merged, *ys).shape
    except TypeError:
        shape = ()
    # "sum" of sizes 3 and 1 would be broadcast.
    if len(shape) != 1 or (isinstance(name, str) and name != "concat" and forward != backward):
        raise ValueError(f"merge {name!r} does not make one output of outputs of the sizes {forward} and {backward}.")
    return shape[0]
