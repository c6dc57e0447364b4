"""Layer normalisation within a recurrent cell.

    s_t = pointwise(s_{t-1}, LN(x_t W) ⊙ α_x + b, LN(h_{t-1} U) ⊙ α_h)
    LN(v) = (v - mean v) / √(var v + 1e-5)        over all gates and units of one example together

Variant: Ba, Kiros & Hinton 2016, the LSTM of their supplement. The cell's own biases are the shifts, and stay
outside the norms, so that a forget bias means what it means without them; the paper gives each norm one more shift,
which would only add to b. The paper's norm of c_t before the output gate is left out, since it is no part of other
cells. Defaults: α_x = α_h = 1.

At h_{t-1} = 0, the usual initial state, LN has the slope 1 / √1e-5 = 316: gradients with respect to s_0 are large.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx.combinators import _common
from rnnx.combinators._lift import lift
from rnnx.factory import factory
from rnnx.types import Array, Cell, Dense, Params, State


class LayerNormParams(NamedTuple):
    """Parameters of `layer_norm`."""

    cell: Params
    input_gain: Array  # α_x [G]
    recurrent_gain: Array  # α_h [G]


@factory
def layer_norm(cell: Cell) -> Cell:
    """The cell with LN(x_t W) and LN(h_{t-1} U) in place of its two products (Ba, Kiros & Hinton 2016).

    The state and the form, `Dense`, are the cell's. It has no gates for analysis.

    Args:
      cell: a cell of form `Dense`.

    Raises:
      ValueError: something that is not a cell, or a cell of another form.

    >>> import jax, rnnx
    >>> cell = rnnx.layer_norm(rnnx.lstm(hidden_size=8))
    >>> params = cell.init(jax.random.key(0), 3)
    >>> params.input_gain.shape
    (32,)
    >>> rnnx.unroll(cell, params, jax.numpy.ones((5, 2, 3))).outputs.shape
    (5, 2, 8)
    """
    _common.cells("layer_norm", cell)
    inner = _common.dense("layer_norm", cell)

    def init(key: Array, input_size: int) -> LayerNormParams:
        params = cell.init(key, input_size)
        one = jnp.ones(inner.recurrent(params).shape[-1])
        return LayerNormParams(cell=params, input_gain=one, recurrent_gain=one)

    def project(params: LayerNormParams, xs: Array) -> Array:
        b = inner.project(params.cell, jnp.zeros(xs.shape[-1], xs.dtype))  # x W + b at x = 0
        return _normalised(inner.project(params.cell, xs) - b) * params.input_gain + b

    def pointwise(params: LayerNormParams, state: State, gx: Array, gh: Array) -> State:
        return inner.pointwise(params.cell, state, gx, _normalised(gh) * params.recurrent_gain)

    form = Dense(
        project=project,
        recurrent=lambda params: inner.recurrent(params.cell),
        hidden=lambda params, state: inner.hidden(params.cell, state),
        pointwise=pointwise,
        blocks=inner.blocks,
    )
    return lift(cell)._replace(init=init, step=form.step, form=form, gates=None)


def _normalised(v: Array) -> Array:
    """LN over the last axis. The mean goes first: a variance as the difference of two squares may come out negative."""
    v = v - jnp.mean(v, axis=-1, keepdims=True)
    return v * jax.lax.rsqrt(jnp.mean(jnp.square(v), axis=-1, keepdims=True) + 1e-5)
