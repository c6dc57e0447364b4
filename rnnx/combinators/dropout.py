"""Dropout with one mask for the whole sequence.

    s_t = pointwise(s_{t-1}, (x_t ⊙ m_x) W, (h_{t-1} ⊙ m_h) U)    m = Bernoulli(1 - p) / (1 - p), the same for all t

Variant: Gal & Ghahramani 2016 ("variational"), with the masks shared by all gates ("tied weights"), scaled in training
so that nothing is scaled in evaluation. The masks stand before the products with W and U only: h_{t-1} enters the rest
of the step, such as the z ⊙ h_{t-1} of a GRU, as it is, and so does x_t what a residual connection adds. Of a cell made
of cells, each one gets masks of its own.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx.combinators import _common
from rnnx.combinators._each import each
from rnnx.combinators._lift import lift
from rnnx.factory import factory
from rnnx.placement import like_step
from rnnx.types import Array, Cell, Composed, Dense, Params, State


class _DroppedParams(NamedTuple):
    """The mask goes along with the parameters, so that an engine's own derivative and `vmap` over keys know of it."""

    cell: Params
    mask: Array  # [B, H]


@factory
def dropout(cell: Cell, key: Array, *, input_rate: float = 0.0, recurrent_rate: float = 0.0) -> Cell:
    """The cell with one draw of masks, the same at every step (Gal & Ghahramani 2016).

    Parameters and state are the cell's, so evaluation uses the cell itself, and training makes this one inside the loss
    from the key of the training step, under `jit`, `grad` and `vmap` as well. It can be unrolled but not stepped: a
    mask belongs to an example, and a step does not know which of its leading axes is the batch. It has no gates for the
    same reason.

    Args:
      cell: the cell.
      key: what the masks are drawn from. Each example of a batch gets its own.
      input_rate: share of the inputs `[B, I]` that is dropped.
      recurrent_rate: share of the hidden vector `[B, H]` that is dropped before the recurrent product.

    Raises:
      ValueError: something that is not a cell or a key; a rate outside [0, 1); recurrent dropout of a cell without a
        recurrent product, which only cells of form `Dense` have.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> @jax.jit
    ... def loss(params, xs, key):
    ...     training = rnnx.dropout(cell, key, input_rate=0.2, recurrent_rate=0.2)
    ...     return rnnx.unroll(training, params, xs).outputs.sum()
    >>> bool(loss(params, jax.numpy.ones((5, 2, 3)), jax.random.key(1)) != 0)
    True
    """
    _common.cells("dropout", cell)
    _common.key(key)
    for name, rate in (("input_rate", input_rate), ("recurrent_rate", recurrent_rate)):
        if _common.rate(name, rate) == 1:
            raise ValueError(f"{name} must be below 1, since what is kept is divided by 1 - {name}.")

    if isinstance(cell.form, Composed):

        def drop(number: int, part: Cell) -> Cell:
            part_key = jax.random.fold_in(key, number)
            return dropout(part, part_key, input_rate=input_rate, recurrent_rate=recurrent_rate)

        return each(cell, drop)

    form = _common.dense("recurrent dropout", cell) if recurrent_rate else None
    input_key, recurrent_key = jax.random.split(key)

    def over_time(
        run: Callable, params: Params, xs: Array, state: State, perturbations: State | None
    ) -> tuple[State, State]:
        dropped = cell
        if input_rate:
            xs = xs * _mask(input_key, input_rate, xs.shape[1:], xs.dtype)
        if form is not None:
            h = form.hidden(params, state)
            params = _DroppedParams(params, like_step(xs, _mask(recurrent_key, recurrent_rate, h.shape, h.dtype)))
            lifted = lift(cell)
            assert isinstance(lifted.form, Dense)
            masked = lifted.form._replace(hidden=lambda params, s: form.hidden(params.cell, s) * params.mask)
            dropped = lifted._replace(step=masked.step, form=masked)
        return run(dropped, params, xs, state, perturbations)

    return cell._replace(step=None, form=Composed(over_time), gates=None)


def _mask(key: Array, rate: float, shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
    return jax.random.bernoulli(key, 1 - rate, shape).astype(dtype) / (1 - rate)
