"""Vanilla (Elman) recurrent network.

    h_t = φ(x_t W + h_{t-1} U + b)          y_t = h_t

Variant: Elman 1990 with φ = tanh by default; one bias. PyTorch's two biases add up to this one.
Defaults: W Glorot uniform, U orthogonal, b = 0, h_0 = 0.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.factory import factory
from rnnx.initializers import BiasPolicy, KernelPolicy
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Dense

_MEMORY = (0,)  # no gate
_ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu, "identity": lambda a: a}


class RNNParams(NamedTuple):
    """Parameters of `rnn`."""

    input_kernel: Array  # W [I, H]
    recurrent_kernel: Array  # U [H, H]
    bias: Array  # b [H]


class RNNState(NamedTuple):
    """State of `rnn`."""

    h: Array  # [..., H]


@factory
def rnn(
    hidden_size: int,
    *,
    activation: Literal["tanh", "relu", "identity"] = "tanh",
    input_initializer: KernelPolicy = "glorot_uniform",
    recurrent_initializer: KernelPolicy = "orthogonal",
    bias_initializer: BiasPolicy = "zeros",
) -> Cell:
    """Vanilla recurrent cell, h_t = φ(x_t W + h_{t-1} U + b) (Elman 1990, "Finding structure in time").

    Args:
      hidden_size: H.
      activation: φ; `identity` makes the network linear, for which the gradient is known in closed form.
      input_initializer: policy for W [I, H].
      recurrent_initializer: policy for U [H, H].
      bias_initializer: policy for b [H].

    Raises:
      ValueError: a size that is not a positive whole number; an unknown activation or initialiser.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> rnnx.unroll(cell, params, jax.numpy.ones((5, 2, 3))).outputs.shape
    (5, 2, 8)
    """
    hidden_size = checks.size("hidden_size", hidden_size)
    phi = _ACTIVATIONS[checks.choice("activation", activation, _ACTIVATIONS)]
    input_initializer = initializers.get(input_initializer)
    recurrent_initializer = initializers.get(recurrent_initializer)
    bias_initializer = initializers.get_bias(bias_initializer, _MEMORY)

    def init(key: Array, input_size: int) -> RNNParams:
        input_size = checks.size("input_size", input_size)
        input_key, recurrent_key, bias_key = jax.random.split(key, 3)
        return RNNParams(
            input_kernel=input_initializer(input_key, input_size, hidden_size, 1),
            recurrent_kernel=recurrent_initializer(recurrent_key, hidden_size, hidden_size, 1),
            bias=bias_initializer(bias_key, jnp.zeros((1, hidden_size)), _MEMORY)[0],
        )

    def initial_state(params: RNNParams, batch_shape: tuple[int, ...]) -> RNNState:
        return RNNState(h=jnp.zeros((*batch_shape, hidden_size), params.bias.dtype))

    def pointwise(params: RNNParams, state: RNNState, gx: Array, gh: Array) -> RNNState:
        return RNNState(h=phi(gx + gh))

    form = Dense(
        project=lambda params, xs: matmul_rows(xs, params.input_kernel) + params.bias,
        recurrent=lambda params: params.recurrent_kernel,
        hidden=lambda params, state: state.h,
        pointwise=pointwise,
    )
    return Cell(
        init=init,
        initial_state=initial_state,
        step=form.step,
        read=lambda params, state, x: state.h,
        output_size=hidden_size,
        form=form,
    )
