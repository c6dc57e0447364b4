"""An initial state that is learned.

s_0 is a parameter, the same for all examples:    ∂L/∂s_0 = Σ over all that begin with it

Parameters are real arrays: of a complex s_0 there are its real and its imaginary part. So an optimiser needs to know
nothing of complex gradients, and parameters can be cast to bfloat16, of which there is no complex type.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx.combinators import _common
from rnnx.combinators._lift import lift
from rnnx.factory import factory
from rnnx.types import Array, Cell, Params, State


class LearnedInitialStateParams(NamedTuple):
    """Parameters of `learned_initial_state`."""

    cell: Params
    initial_state: State  # s_0, without batch axes; a complex part as [2, …], real and imaginary part


@factory
def learned_initial_state(cell: Cell) -> Cell:
    """The cell with its initial state among its parameters, which starts as the cell's own (Forcada & Carrasco 1995).

    It is also what a reset restores. The form and the gates are the cell's.

    Args:
      cell: a cell. In one made of cells it goes around those whose initial state is to be learned:
        `stack(learned_initial_state(lower), upper)`.

    Raises:
      ValueError: something that is not a cell, or a cell made of cells.

    >>> import jax, rnnx
    >>> cell = rnnx.learned_initial_state(rnnx.lstm(hidden_size=8))
    >>> params = cell.init(jax.random.key(0), 3)
    >>> params.initial_state.h.shape, cell.initial_state(params, (2,)).h.shape
    ((8,), (2, 8))
    """
    _common.cells("learned_initial_state", cell)
    # Its resets restore the initial states of the cells inside.
    _common.single("learned_initial_state", cell)

    def init(key: Array, input_size: int) -> LearnedInitialStateParams:
        params = cell.init(key, input_size)
        return LearnedInitialStateParams(params, jax.tree.map(_real, cell.initial_state(params, ())))

    def initial_state(params: LearnedInitialStateParams, batch_shape: tuple[int, ...]) -> State:
        return jax.tree.map(_as_state, params.initial_state, cell.initial_state(params.cell, batch_shape))

    return lift(cell)._replace(init=init, initial_state=initial_state)


def _real(s: Array) -> Array:
    return jnp.stack([s.real, s.imag]) if jnp.iscomplexobj(s) else s


def _as_state(p: Array, like: Array) -> Array:
    """A part of s_0 in the shape and type that the cell's own has, which of bfloat16 parameters may be complex64."""
    if jnp.iscomplexobj(like):
        p = jax.lax.complex(*p.astype(jnp.finfo(like.dtype).dtype))
    return jnp.broadcast_to(p.astype(like.dtype), like.shape)
