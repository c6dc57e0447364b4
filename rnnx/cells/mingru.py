"""Minimal gated recurrent unit: gates that see the input alone.

    z_t = σ(x_t W_z + b_z)                    update gate: keeps the OLD state where it is 1
    n_t = x_t W_n + b_n                       candidate
    h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ n_t     y_t = h_t

Variant: Feng et al. 2024, with z keeping the old state as in `gru`; the paper exchanges z and 1 - z. The candidate is
linear, as in the paper's definition. For its parallel scan with logarithms the paper passes the candidate through a
function g > 0, since log n must exist; `associative` takes no logarithms, so that h may have either sign. What does
matter is that 1 - z is computed as σ(-x W_z - b_z): the difference would be rounded to 0 where z is close to 1.
Blocks of the kernel in the order z, n.
Defaults: W Glorot uniform per gate, biases 0, h_0 = 0. Untrained and at rest the gradient decays by σ(0) = 0.5 a step.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.factory import factory
from rnnx.initializers import BiasPolicy, KernelPolicy
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Diagonal


class MinGRUParams(NamedTuple):
    """Parameters of `mingru`; blocks in the order z, n."""

    input_kernel: Array  # W [I, 2H]
    bias: Array  # b [2H]


class MinGRUState(NamedTuple):
    """State of `mingru`."""

    h: Array  # [..., H]


_MEMORY = (1, 0)  # z keeps the old


@factory
def mingru(
    hidden_size: int,
    *,
    input_initializer: KernelPolicy = "glorot_uniform",
    bias_initializer: BiasPolicy = "zeros",
) -> Cell:
    """Minimal gated recurrent unit, h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ n_t (Feng et al. 2024).

    "Were RNNs all we needed?"

    Args:
      hidden_size: H.
      input_initializer: policy for W [I, 2H].
      bias_initializer: policy for b [2H].

    Raises:
      ValueError: a size that is not a positive whole number; an unknown initialiser.

    >>> import jax, rnnx
    >>> cell = rnnx.mingru(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> rnnx.unroll(cell, params, jax.numpy.ones((5, 2, 3)), engine="associative").outputs.shape
    (5, 2, 8)
    """
    hidden_size = checks.size("hidden_size", hidden_size)
    input_initializer = initializers.get(input_initializer)
    bias_initializer = initializers.get_bias(bias_initializer, _MEMORY)

    def init(key: Array, input_size: int) -> MinGRUParams:
        input_size = checks.size("input_size", input_size)
        input_key, bias_key = jax.random.split(key)
        return MinGRUParams(
            input_kernel=input_initializer(input_key, input_size, hidden_size, 2),
            bias=bias_initializer(bias_key, jnp.zeros((2, hidden_size)), _MEMORY).reshape(-1),
        )

    def initial_state(params: MinGRUParams, batch_shape: tuple[int, ...]) -> MinGRUState:
        return MinGRUState(h=jnp.zeros((*batch_shape, hidden_size), params.bias.dtype))

    def project(params: MinGRUParams, xs: Array) -> tuple[Array, Array]:
        z, n = jnp.split(matmul_rows(xs, params.input_kernel) + params.bias, 2, axis=-1)
        return z, n

    def coefficients(params: MinGRUParams, xs: Array) -> tuple[MinGRUState, MinGRUState]:
        z, n = project(params, xs)
        return MinGRUState(h=jax.nn.sigmoid(z)), MinGRUState(h=jax.nn.sigmoid(-z) * n)

    def gates(params: MinGRUParams, state: MinGRUState, x: Array) -> dict[str, Array]:
        z, _ = project(params, x)
        return {"update": jax.nn.sigmoid(z)}

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
