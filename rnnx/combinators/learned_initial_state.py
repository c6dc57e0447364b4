"""An initial state that is learned.

s_0 is a parameter, the same for all examples:    ∂L/∂s_0 = Σ over all that begin with it
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx.combinators import _checks
from rnnx.combinators._lift import lift
from rnnx.types import Array, Cell, Params, State


class LearnedInitialStateParams(NamedTuple):
    """Parameters of `learned_initial_state`."""

    cell: Params
    initial_state: State  # s_0, without batch axes


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
    _checks.cells("learned_initial_state", cell)
    # Its resets restore the initial states of the cells inside.
    _checks.single("learned_initial_state", cell)

    def init(key: Array, input_size: int) -> LearnedInitialStateParams:
        params = cell.init(key, input_size)
        return LearnedInitialStateParams(cell=params, initial_state=cell.initial_state(params, ()))

    def initial_state(params: LearnedInitialStateParams, batch_shape: tuple[int, ...]) -> State:
        return jax.tree.map(lambda s: jnp.broadcast_to(s, (*batch_shape, *s.shape)), params.initial_state)

    return lift(cell)._replace(init=init, initial_state=initial_state)
