"""Long short-term memory.

    i_t = σ(x_t W_i + h_{t-1} U_i + b_i)        input gate
    f_t = σ(x_t W_f + h_{t-1} U_f + b_f)        forget gate
    g_t = tanh(x_t W_g + h_{t-1} U_g + b_g)     candidate
    o_t = σ(x_t W_o + h_{t-1} U_o + b_o)        output gate
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
    h_t = o_t ⊙ tanh(c_t)                       y_t = h_t

Variant: Hochreiter & Schmidhuber 1997 with the forget gate of Gers, Schmidhuber & Cummins 2000; no peepholes; one bias
per gate (PyTorch's two add up to it). Blocks of the kernels in the order i, f, g, o, which is PyTorch's and cuDNN's.
Defaults: W Glorot uniform per gate, U orthogonal per gate, biases 0 except b_f = 1 (Jozefowicz et al. 2015),
h_0 = c_0 = 0.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.factory import factory
from rnnx.initializers import BiasPolicy, InitialValue, KernelPolicy
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Dense


class LSTMParams(NamedTuple):
    """Parameters of `lstm`; blocks in the order i, f, g, o."""

    input_kernel: Array  # W [I, 4H]
    recurrent_kernel: Array  # U [H, 4H]
    bias: Array  # b [4H]


class LSTMState(NamedTuple):
    """State of `lstm`."""

    h: Array  # [..., H]
    c: Array  # [..., H]


_MEMORY = (-1, 1, 0, 0)  # i lets the new in, f keeps the old


def _gates(gx: Array, gh: Array) -> tuple[Array, Array, Array, Array]:
    i, f, g, o = jnp.split(gx + gh, 4, axis=-1)
    return jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)


@factory
def lstm(
    hidden_size: int,
    *,
    forget_bias: InitialValue = 1.0,
    input_initializer: KernelPolicy = "glorot_uniform",
    recurrent_initializer: KernelPolicy = "orthogonal",
    bias_initializer: BiasPolicy = "zeros",
) -> Cell:
    """Long short-term memory, c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t, h_t = o_t ⊙ tanh(c_t) (Hochreiter & Schmidhuber 1997).

    Args:
      hidden_size: H.
      forget_bias: initial b_f. With all else zero the gradient along c decays by σ(b_f) a step: 0.50 for 0, 0.73 for 1.
      input_initializer: policy for W [I, 4H].
      recurrent_initializer: policy for U [H, 4H].
      bias_initializer: policy for b [4H]; `chrono` and `forget` set b_f themselves, whatever `forget_bias` is.

    Raises:
      ValueError: a size that is not a positive whole number; a bias that is not finite; an unknown initialiser.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8, forget_bias=1.0)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> rnnx.unroll(cell, params, jax.numpy.ones((5, 2, 3))).final_state.c.shape
    (2, 8)
    """
    hidden_size = checks.size("hidden_size", hidden_size)
    forget_bias = checks.number("forget_bias", forget_bias)
    input_initializer = initializers.get(input_initializer)
    recurrent_initializer = initializers.get(recurrent_initializer)
    bias_initializer = initializers.get_bias(bias_initializer, _MEMORY)

    def init(key: Array, input_size: int) -> LSTMParams:
        input_size = checks.size("input_size", input_size)
        input_key, recurrent_key, bias_key = jax.random.split(key, 3)
        biases = jnp.zeros((4, hidden_size)).at[1].set(forget_bias)
        return LSTMParams(
            input_kernel=input_initializer(input_key, input_size, hidden_size, 4),
            recurrent_kernel=recurrent_initializer(recurrent_key, hidden_size, hidden_size, 4),
            bias=bias_initializer(bias_key, biases, _MEMORY).reshape(-1),
        )

    def initial_state(params: LSTMParams, batch_shape: tuple[int, ...]) -> LSTMState:
        zero = jnp.zeros((*batch_shape, hidden_size), params.bias.dtype)
        return LSTMState(h=zero, c=zero)

    def pointwise(params: LSTMParams, state: LSTMState, gx: Array, gh: Array) -> LSTMState:
        i, f, g, o = _gates(gx, gh)
        c = f * state.c + i * g
        return LSTMState(h=o * jnp.tanh(c), c=c)

    form = Dense(
        project=lambda params, xs: matmul_rows(xs, params.input_kernel) + params.bias,
        recurrent=lambda params: params.recurrent_kernel,
        hidden=lambda params, state: state.h,
        pointwise=pointwise,
        blocks=("input", "forget", "candidate", "output"),
    )

    def gates(params: LSTMParams, state: LSTMState, x: Array) -> dict[str, Array]:
        i, f, _, o = _gates(form.project(params, x), state.h @ params.recurrent_kernel)
        return {"input": i, "forget": f, "output": o}

    return Cell(
        init=init,
        initial_state=initial_state,
        step=form.step,
        read=lambda params, state, x: state.h,
        output_size=hidden_size,
        form=form,
        gates=gates,
    )
