"""Minimal long short-term memory: gates that see the input alone, and add up to 1.

    i_t = σ(x_t W_i + b_i)                    input gate
    f_t = σ(x_t W_f + b_f)                    forget gate
    g_t = x_t W_g + b_g                       candidate
    i'_t = i_t / (i_t + f_t)    f'_t = f_t / (i_t + f_t)
    h_t = f'_t ⊙ h_{t-1} + i'_t ⊙ g_t         y_t = h_t

Variant: Feng et al. 2024, with normalised gates. The candidate is linear, as in the paper's definition; for why the
function g of its scan with logarithms is not needed, see `mingru`. The logarithm matters in the normalised gates: both
i and f underflow where their arguments are far below zero, and 0 / 0 is NaN. So they are computed from

    log(f / i) = softplus(-x W_i - b_i) - softplus(-x W_f - b_f)        f' = σ(log(f / i))    i' = σ(-log(f / i))

Blocks of the kernel in the order i, f, g, as in `lstm` without its output gate.
Defaults: W Glorot uniform per gate, biases 0 except b_f = 1 as in `lstm`, h_0 = 0.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.factory import factory
from rnnx.initializers import BiasPolicy, InitialValue, KernelPolicy
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Diagonal


class MinLSTMParams(NamedTuple):
    """Parameters of `minlstm`; blocks in the order i, f, g."""

    input_kernel: Array  # W [I, 3H]
    bias: Array  # b [3H]


class MinLSTMState(NamedTuple):
    """State of `minlstm`."""

    h: Array  # [..., H]


_MEMORY = (-1, 1, 0)  # i lets the new in, f keeps the old


@factory
def minlstm(
    hidden_size: int,
    *,
    forget_bias: InitialValue = 1.0,
    input_initializer: KernelPolicy = "glorot_uniform",
    bias_initializer: BiasPolicy = "zeros",
) -> Cell:
    """Minimal long short-term memory, h_t = f'_t ⊙ h_{t-1} + i'_t ⊙ g_t (Feng et al. 2024).

    "Were RNNs all we needed?"

    Args:
      hidden_size: H.
      forget_bias: initial b_f. At rest the gradient decays by σ(b_f) / (σ(b_f) + ½) a step: 0.50 for 0, 0.59 for 1, and
        below 2/3 however large b_f is, because i has its share.
      input_initializer: policy for W [I, 3H].
      bias_initializer: policy for b [3H]; `chrono` and `forget` set b_f themselves, whatever `forget_bias` is. `chrono`
        sets b_i = -b_f as well, so that the decay is σ(b_f).

    Raises:
      ValueError: a size that is not a positive whole number; a bias that is not finite; an unknown initialiser.

    >>> import jax, rnnx
    >>> cell = rnnx.minlstm(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> rnnx.unroll(cell, params, jax.numpy.ones((5, 2, 3)), engine="associative").outputs.shape
    (5, 2, 8)
    """
    hidden_size = checks.size("hidden_size", hidden_size)
    forget_bias = checks.number("forget_bias", forget_bias)
    input_initializer = initializers.get(input_initializer)
    bias_initializer = initializers.get_bias(bias_initializer, _MEMORY)

    def init(key: Array, input_size: int) -> MinLSTMParams:
        input_size = checks.size("input_size", input_size)
        input_key, bias_key = jax.random.split(key)
        biases = jnp.zeros((3, hidden_size)).at[1].set(forget_bias)
        return MinLSTMParams(
            input_kernel=input_initializer(input_key, input_size, hidden_size, 3),
            bias=bias_initializer(bias_key, biases, _MEMORY).reshape(-1),
        )

    def initial_state(params: MinLSTMParams, batch_shape: tuple[int, ...]) -> MinLSTMState:
        return MinLSTMState(h=jnp.zeros((*batch_shape, hidden_size), params.bias.dtype))

    def project(params: MinLSTMParams, xs: Array) -> tuple[Array, Array]:
        """log(f / i) and g."""
        i, f, g = jnp.split(matmul_rows(xs, params.input_kernel) + params.bias, 3, axis=-1)
        return jax.nn.softplus(-i) - jax.nn.softplus(-f), g

    def coefficients(params: MinLSTMParams, xs: Array) -> tuple[MinLSTMState, MinLSTMState]:
        log_ratio, g = project(params, xs)
        return MinLSTMState(h=jax.nn.sigmoid(log_ratio)), MinLSTMState(h=jax.nn.sigmoid(-log_ratio) * g)

    def gates(params: MinLSTMParams, state: MinLSTMState, x: Array) -> dict[str, Array]:
        log_ratio, _ = project(params, x)
        return {"input": jax.nn.sigmoid(-log_ratio), "forget": jax.nn.sigmoid(log_ratio)}

    form = Diagonal(coefficients)
    return Cell(
        init=init,
        initial_state=initial_state,
        step=form.step,
        read=lambda params, state, x: state.h,
        output_size=hidden_size,
        form=form,
        gates=gates,
    )
