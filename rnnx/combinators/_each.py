"""A change made to each of the cells that a cell is made of."""

import itertools
from collections.abc import Callable

from rnnx.types import Array, Cell, Composed, Params, State


def each(cell: Cell, change: Callable[[int, Cell], Cell]) -> Cell:
    """A cell of form `Composed` with `change(number, part)` run in place of each part, numbered in the order they run.

    The change must keep the part's parameters and state.
    """
    assert isinstance(cell.form, Composed)
    whole = cell.form.over_time

    def over_time(
        run: Callable, params: Params, xs: Array, state: State, perturbations: State | None
    ) -> tuple[State, State]:
        numbers = itertools.count()

        def run_changed(part: Cell, *arguments: Array | Params | State, flip: bool = False) -> tuple[State, State]:
            return run(change(next(numbers), part), *arguments, flip=flip)

        return whole(run_changed, params, xs, state, perturbations)

    return cell._replace(step=None, form=Composed(over_time), gates=None)
