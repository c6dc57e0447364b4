"""A connection around a cell.

    y_t = x_t + y'_t    where y'_t is what the cell gives out

The recurrence is the cell's own, so any engine that runs the cell runs this too.
"""

from rnnx.combinators import _common
from rnnx.factory import factory
from rnnx.types import Array, Cell, Params, State


@factory
def residual(cell: Cell) -> Cell:
    """The cell with its input added to its output, y_t = x_t + y'_t (He et al. 2016; between LSTMs Wu et al. 2016).

    Parameters, state, form and gates are the cell's. Mostly used for the upper layers of a `stack`.

    Args:
      cell: a cell that gives out as many numbers as it takes in, I = Y.

    Raises:
      ValueError: something that is not a cell; in `init`, sizes that differ.

    >>> import jax, rnnx
    >>> cell = rnnx.stack(rnnx.gru(hidden_size=8), rnnx.residual(rnnx.gru(hidden_size=8)))
    >>> params = cell.init(jax.random.key(0), 3)
    >>> rnnx.unroll(cell, params, jax.numpy.ones((5, 2, 3))).outputs.shape
    (5, 2, 8)
    """
    _common.cells("residual", cell)

    def init(key: Array, input_size: int) -> Params:
        if input_size != cell.output_size:
            raise ValueError(
                f"residual adds inputs to outputs, so its input_size must be the cell's output_size, "
                f"{cell.output_size}, not {input_size}."
            )
        return cell.init(key, input_size)

    def read(params: Params, state: State, x: Array) -> Array:
        return x + cell.read(params, state, x)

    return cell._replace(init=init, read=read)
