"""Layers: each cell's outputs are the inputs of the next.

    s_t^l = step^l(s_{t-1}^l, y_t^{l-1}),    y_t^l = read^l(s_t^l, y_t^{l-1}),    y_t^0 = x_t,    y_t = y_t^L

Each layer runs over the whole sequence before the next one starts, so its products with the layer below are one large
product, and ∂L/∂s_t of a lower layer includes what the layers above make of s_t at the same step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from rnnx.combinators import _common
from rnnx.factory import factory
from rnnx.pytrees import named_leaves
from rnnx.types import Array, Cell, Composed, Params, State


class StackParams(NamedTuple):
    """Parameters of `stack`."""

    layers: tuple[Params, ...]


class StackState(NamedTuple):
    """State of `stack`."""

    layers: tuple[State, ...]


@factory
def stack(*cells: Cell) -> Cell:
    """Layers of cells, the first given x_t and the last giving y_t (El Hihi & Bengio 1995; Graves 2013).

    Parameters and state hold a tuple `layers`, and gates are named by layer: `layers.0.forget`. A stack with a layer
    that can't be stepped (`bidirectional`) can't be stepped either, and has no gates.

    Args:
      *cells: the layers, from the inputs up.

    Raises:
      ValueError: no cell, or something that is not a cell; in `init`, a layer that does not take what the one below
        gives out.

    >>> import jax, rnnx
    >>> cell = rnnx.stack(rnnx.lstm(hidden_size=8), rnnx.gru(hidden_size=6))
    >>> params = cell.init(jax.random.key(0), 3)
    >>> trajectory = rnnx.unroll(cell, params, jax.numpy.ones((5, 2, 3)))
    >>> trajectory.outputs.shape, trajectory.final_state.layers[0].c.shape
    ((5, 2, 6), (2, 8))
    """
    if not cells:
        raise ValueError("stack takes at least one cell.")
    _common.cells("stack", *cells)

    def init(key: Array, input_size: int) -> StackParams:
        sizes = [input_size, *(cell.output_size for cell in cells[:-1])]
        keys = jax.random.split(key, len(cells))
        return StackParams(tuple(cell.init(k, size) for cell, k, size in zip(cells, keys, sizes, strict=True)))

    def initial_state(params: StackParams, batch_shape: tuple[int, ...]) -> StackState:
        return StackState(tuple(cell.initial_state(p, batch_shape) for cell, p in _zip(cells, params)))

    def step(params: StackParams, state: StackState, x: Array) -> StackState:
        after = []
        for cell, p, s in _zip(cells, params, state):
            after.append(cell.step(p, s, x))
            x = cell.read(p, after[-1], x)
        return StackState(tuple(after))

    def read(params: StackParams, state: StackState, x: Array) -> Array:
        for cell, p, s in _zip(cells, params, state):
            x = cell.read(p, s, x)
        return x

    def gates(params: StackParams, state: StackState, x: Array) -> dict[str, Array]:
        found = []
        for cell, p, s in _zip(cells, params, state):
            found.append({} if cell.gates is None else cell.gates(p, s, x))
            x = cell.read(p, cell.step(p, s, x), x)
        return named_leaves({"layers": found})

    def over_time(
        run: Callable, params: StackParams, xs: Array, state: StackState, perturbations: StackState | None
    ) -> tuple[StackState, StackState]:
        added = [None] * len(cells) if perturbations is None else perturbations.layers
        final, states = [], []
        for (cell, p, s), perturbation in zip(_zip(cells, params, state), added, strict=True):
            final_state, states_of_layer = run(cell, p, xs, s, perturbation)
            xs = cell.read(p, states_of_layer, xs)
            final.append(final_state)
            states.append(states_of_layer)
        return StackState(tuple(final)), StackState(tuple(states))

    stepped = all(cell.step is not None for cell in cells)
    return Cell(
        init=init,
        initial_state=initial_state,
        step=step if stepped else None,
        read=read,
        output_size=cells[-1].output_size,
        form=Composed(over_time),
        gates=gates if stepped and any(cell.gates is not None for cell in cells) else None,
    )


def _zip(cells: tuple[Cell, ...], *trees: StackParams | StackState) -> list[tuple[Any, ...]]:
    """Each layer's cell with what it owns of parameters and state."""
    return list(zip(cells, *(tree.layers for tree in trees), strict=True))
