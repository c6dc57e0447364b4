"""A cell as a function of parameters that hold its own beside others."""

from collections.abc import Callable
from typing import Any

from rnnx.types import Cell, Dense, Diagonal


def lift(cell: Cell) -> Cell:
    """The same cell, reading its parameters from the field `cell` of what it is given; its `init` stays as it was."""

    def lifted(function: Callable) -> Callable:
        return lambda params, *arguments: function(params.cell, *arguments)

    def maybe(function: Any) -> Any:
        return None if function is None else lifted(function)

    form = cell.form
    if isinstance(form, Dense):
        form = Dense(
            project=lifted(form.project),
            recurrent=lifted(form.recurrent),
            hidden=lifted(form.hidden),
            pointwise=lifted(form.pointwise),
            blocks=form.blocks,
        )
    elif isinstance(form, Diagonal):
        form = Diagonal(lifted(form.coefficients))
    else:
        assert form is None, "a cell of form Composed is not one cell"
    return cell._replace(
        initial_state=lifted(cell.initial_state),
        step=maybe(cell.step),
        read=lifted(cell.read),
        form=form,
        gates=maybe(cell.gates),
    )
