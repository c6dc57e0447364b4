"""Gated recurrent unit, in both conventions.

    r_t = σ(x_t W_r + h_{t-1} U_r + b_r)                    reset gate
    z_t = σ(x_t W_z + h_{t-1} U_z + b_z)                    update gate: keeps the OLD state where it is 1
    n_t = tanh(x_t W_n + b_n + r_t ⊙ (h_{t-1} U_n + d))     candidate, reset after the product (default)
    n_t = tanh(x_t W_n + b_n + (r_t ⊙ h_{t-1}) U_n)         candidate, reset before the product
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}                   y_t = h_t

Variants: reset after is cuDNN's, PyTorch's and Keras's (`reset_after=True`), and has the recurrent bias d. Reset before
is Cho et al. 2014; it needs a second product that waits for r_t, so it has no `Dense` form and runs step by step.
z keeps the old state as in Cho's paper and PyTorch; Chung et al. 2014 exchange z and 1 - z. PyTorch's other recurrent
biases add up to b. Blocks of the kernels in the order r, z, n, which is PyTorch's.
Defaults: W Glorot uniform per gate, U orthogonal per gate, biases 0, h_0 = 0.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.factory import factory
from rnnx.initializers import BiasPolicy, KernelPolicy
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Dense


class GRUParams(NamedTuple):
    """Parameters of `gru`; blocks in the order r, z, n."""

    input_kernel: Array  # W [I, 3H]
    recurrent_kernel: Array  # U [H, 3H]
    bias: Array  # b [3H]
    recurrent_bias: Any  # d [H]; None with reset before


class GRUState(NamedTuple):
    """State of `gru`."""

    h: Array  # [..., H]


_MEMORY = (0, 1, 0, 0)  # of the biases r, z, n and d: z keeps the old


def _split(gx: Array, gh: Array) -> tuple[Array, Array, Array, Array]:
    """r, z and the two parts of the candidate, which meet only after r has acted on the second."""
    x_r, x_z, x_n = jnp.split(gx, 3, axis=-1)
    h_r, h_z, h_n = jnp.split(gh, 3, axis=-1)
    return jax.nn.sigmoid(x_r + h_r), jax.nn.sigmoid(x_z + h_z), x_n, h_n


@factory
def gru(
    hidden_size: int,
    *,
    reset_after: bool = True,
    input_initializer: KernelPolicy = "glorot_uniform",
    recurrent_initializer: KernelPolicy = "orthogonal",
    bias_initializer: BiasPolicy = "zeros",
) -> Cell:
    """Gated recurrent unit, h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1} (Cho et al. 2014; Chung et al. 2014).

    Args:
      hidden_size: H.
      reset_after: apply the reset gate after the product with U_n (cuDNN, PyTorch) or before it (Cho et al.).
      input_initializer: policy for W [I, 3H].
      recurrent_initializer: policy for U [H, 3H].
      bias_initializer: policy for b [3H] and d [H].

    Raises:
      ValueError: a size that is not a positive whole number; an unknown initialiser.

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> rnnx.unroll(cell, params, jax.numpy.ones((5, 2, 3))).outputs.shape
    (5, 2, 8)
    """
    hidden_size = checks.size("hidden_size", hidden_size)
    input_initializer = initializers.get(input_initializer)
    recurrent_initializer = initializers.get(recurrent_initializer)
    memory = _MEMORY if reset_after else _MEMORY[:3]
    bias_initializer = initializers.get_bias(bias_initializer, memory)

    def init(key: Array, input_size: int) -> GRUParams:
        input_size = checks.size("input_size", input_size)
        input_key, recurrent_key, bias_key = jax.random.split(key, 3)
        biases = bias_initializer(bias_key, jnp.zeros((len(memory), hidden_size)), memory)
        return GRUParams(
            input_kernel=input_initializer(input_key, input_size, hidden_size, 3),
            recurrent_kernel=recurrent_initializer(recurrent_key, hidden_size, hidden_size, 3),
            bias=biases[:3].reshape(-1),
            recurrent_bias=biases[3] if reset_after else None,
        )

    def initial_state(params: GRUParams, batch_shape: tuple[int, ...]) -> GRUState:
        return GRUState(h=jnp.zeros((*batch_shape, hidden_size), params.bias.dtype))

    def project(params: GRUParams, xs: Array) -> Array:
        return matmul_rows(xs, params.input_kernel) + params.bias

    def gates(params: GRUParams, state: GRUState, x: Array) -> dict[str, Array]:
        r, z, _, _ = _split(project(params, x), state.h @ params.recurrent_kernel)
        return {"reset": r, "update": z}

    def pointwise(params: GRUParams, state: GRUState, gx: Array, gh: Array) -> GRUState:
        r, z, x_n, h_n = _split(gx, gh)
        n = jnp.tanh(x_n + r * (h_n + params.recurrent_bias))
        return GRUState(h=(1 - z) * n + z * state.h)

    def step_reset_before(params: GRUParams, state: GRUState, x: Array) -> GRUState:
        U_rz, U_n = jnp.split(params.recurrent_kernel, [2 * hidden_size], axis=-1)
        x_rz, x_n = jnp.split(project(params, x), [2 * hidden_size], axis=-1)
        r, z = jnp.split(jax.nn.sigmoid(x_rz + state.h @ U_rz), 2, axis=-1)
        n = jnp.tanh(x_n + (r * state.h) @ U_n)
        return GRUState(h=(1 - z) * n + z * state.h)

    form = Dense(
        project=project,
        recurrent=lambda params: params.recurrent_kernel,
        hidden=lambda params, state: state.h,
        pointwise=pointwise,
        blocks=("reset", "update", "candidate"),
    )
    return Cell(
        init=init,
        initial_state=initial_state,
        step=form.step if reset_after else step_reset_before,
        read=lambda params, state, x: state.h,
        output_size=hidden_size,
        form=form if reset_after else None,
        gates=gates,
    )
