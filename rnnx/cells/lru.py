"""Linear recurrent unit: a complex diagonal linear recurrence.

    λ = exp(-exp(ν) + i exp(θ))                   so that |λ| = exp(-exp(ν)) < 1, whatever ν is
    h_t = λ ⊙ h_{t-1} + exp(γ) ⊙ (x_t B)          complex [H]
    y_t = Re(h_t C) + x_t D

Variant: Orvieto et al. 2023, whose log parameters are called ν, θ and γ here; D is a full matrix, since I may differ
from the number of outputs, which is H. The cell is linear: what makes it compute more than a linear filter is what
stands around it. Parameters are real arrays: the kernels B and C have the blocks real part, imaginary part.
Precision: the state is complex64 for float32 parameters, complex128 for float64. There is no complex type of two
bfloat16, so for those it is complex64 too: the recurrence runs in single precision, and outputs are bfloat16 again.
Defaults: λ uniform on the ring r_min ≤ |λ| ≤ r_max with phases up to max_phase, drawn as in the paper's appendix A:
|λ|² uniform on [r_min², r_max²]; exp(γ) = √(1 - |λ|²), so that |h| neither grows nor fades with |λ| for white inputs;
B, C and D LeCun normal, B / √2 so that E |B_jk|² = 1 / I; h_0 = 0.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.factory import factory
from rnnx.initializers import KernelPolicy
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Diagonal


class LRUParams(NamedTuple):
    """Parameters of `lru`; blocks in the order real part, imaginary part."""

    nu: Array  # ν [H]
    theta: Array  # θ [H]
    gamma: Array  # γ [H]
    input_kernel: Array  # B [I, 2H]
    output_kernel: Array  # C [H, 2H]
    skip_kernel: Array  # D [I, H]


class LRUState(NamedTuple):
    """State of `lru`."""

    h: Array  # complex [..., H]


def _single(p: Array) -> Array:
    """At least single precision: what a complex number can be made of."""
    return p.astype(jnp.float32) if jnp.finfo(p.dtype).bits < 32 else p


@factory
def lru(
    hidden_size: int,
    *,
    r_min: float = 0.0,
    r_max: float = 1.0,
    max_phase: float = 2 * math.pi,
    input_initializer: KernelPolicy = "lecun_normal",
    output_initializer: KernelPolicy = "lecun_normal",
) -> Cell:
    """Linear recurrent unit, h_t = λ ⊙ h_{t-1} + exp(γ) ⊙ (x_t B), y_t = Re(h_t C) + x_t D (Orvieto et al. 2023).

    "Resurrecting recurrent neural networks for long sequences". ∂L/∂h is complex: JAX gives ∂L/∂Re h - i ∂L/∂Im h.

    Args:
      hidden_size: H, complex entries of the state and real outputs.
      r_min: least |λ| at the start, at least 0.
      r_max: greatest |λ| at the start, above r_min and at most 1. For long sequences both close to 1.
      max_phase: greatest phase of λ at the start, radians, at most 2π. A small one favours what changes slowly.
      input_initializer: policy for B [I, 2H], which is then divided by √2, and for D [I, H].
      output_initializer: policy for C [H, 2H].

    Raises:
      ValueError: a size that is not a positive whole number; a ring that is none; an unknown initialiser.

    >>> import jax, rnnx
    >>> cell = rnnx.lru(hidden_size=8, r_min=0.9, r_max=0.999)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> rnnx.unroll(cell, params, jax.numpy.ones((5, 2, 3))).final_state.h.dtype
    dtype('complex64')
    """
    hidden_size = checks.size("hidden_size", hidden_size)
    r_min, r_max = checks.number("r_min", r_min), checks.number("r_max", r_max)
    if not 0 <= r_min < r_max <= 1:
        raise ValueError(f"r_min and r_max must be 0 ≤ r_min < r_max ≤ 1, not {r_min:g} and {r_max:g}.")
    max_phase = checks.number("max_phase", max_phase, above=0)
    if max_phase > 2 * math.pi:
        raise ValueError(f"max_phase must be at most 2π = {2 * math.pi:.4f}, not {max_phase:g}.")
    input_initializer = initializers.get(input_initializer)
    output_initializer = initializers.get(output_initializer)

    def init(key: Array, input_size: int) -> LRUParams:
        input_size = checks.size("input_size", input_size)
        radius_key, phase_key, input_key, output_key, skip_key = jax.random.split(key, 5)
        squared_radius = r_min**2 + (r_max**2 - r_min**2) * jax.random.uniform(radius_key, (hidden_size,))
        phase = max_phase * jax.random.uniform(phase_key, (hidden_size,))
        # A draw of 0, or one rounded to 1, has no finite logarithm.
        limits = jnp.finfo(phase.dtype)
        squared_radius = jnp.clip(squared_radius, limits.tiny, 1 - limits.eps)
        return LRUParams(
            nu=jnp.log(-jnp.log(squared_radius) / 2),
            theta=jnp.log(jnp.maximum(phase, limits.tiny)),
            gamma=jnp.log1p(-squared_radius) / 2,
            input_kernel=input_initializer(input_key, input_size, hidden_size, 2) / math.sqrt(2),
            output_kernel=output_initializer(output_key, hidden_size, hidden_size, 2),
            skip_kernel=input_initializer(skip_key, input_size, hidden_size, 1),
        )

    def initial_state(params: LRUParams, batch_shape: tuple[int, ...]) -> LRUState:
        zero = jnp.zeros((*batch_shape, hidden_size), _single(params.nu).dtype)
        return LRUState(h=jax.lax.complex(zero, zero))

    def coefficients(params: LRUParams, xs: Array) -> tuple[LRUState, LRUState]:
        lam = jnp.exp(jax.lax.complex(-jnp.exp(_single(params.nu)), jnp.exp(_single(params.theta))))
        scale = jnp.exp(_single(params.gamma))
        real, imag = jnp.split(_single(matmul_rows(xs, params.input_kernel)), 2, axis=-1)
        return LRUState(h=lam), LRUState(h=jax.lax.complex(scale * real, scale * imag))

    def read(params: LRUParams, state: LRUState, x: Array) -> Array:
        C_real, C_imag = jnp.split(params.output_kernel, 2, axis=-1)
        real, imag = state.h.real.astype(C_real.dtype), state.h.imag.astype(C_imag.dtype)
        return matmul_rows(real, C_real) - matmul_rows(imag, C_imag) + matmul_rows(x, params.skip_kernel)

    form = Diagonal(coefficients)
    return Cell(
        init=init,
        initial_state=initial_state,
        step=form.step,
        read=read,
        output_size=hidden_size,
        form=form,
    )
