"""Singular values of products of Jacobians: what a gradient can gain at most, and must lose at least, going back."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.dynamics._orthogonal import orthogonalised
from rnnx.dynamics.jacobians import Step, flat_step, pull
from rnnx.types import Array, Cell, Params, State
from rnnx.unroll import first_state, unroll


class SingularValues(NamedTuple):
    """Singular values of J_T J_{T-1} … J_{T-k+1} = ∂s_T/∂s_{T-k}, for every lag k."""

    log: Array
    """ln σ_i, the largest first, `[T + 1, B, S]`: lag 0 (the identity) to T (from s_0 on); -inf where σ_i is zero."""

    @property
    def log10_max(self) -> Array:
        """log10 of the largest, `[T + 1, B]`."""
        return _log10(self.log[..., 0])

    @property
    def log10_min(self) -> Array:
        """log10 of the smallest, `[T + 1, B]`."""
        return _log10(self.log[..., -1])

    @property
    def log10_frobenius(self) -> Array:
        """log10 of the Frobenius norm √(Σ σ_i²), `[T + 1, B]`."""
        return _log10(jax.nn.logsumexp(2 * self.log, axis=-1) / 2)

    @property
    def log10_condition(self) -> Array:
        """log10 of the condition number σ_max / σ_min, `[T + 1, B]`; inf for a singular product."""
        return jnp.where(jnp.isneginf(self.log10_min), jnp.inf, self.log10_max - self.log10_min)


def jacobian_singular_values(cell: Cell, params: Params, xs: Array, state: State | None = None) -> SingularValues:
    """Singular values of the products of Jacobians of a cell driven by inputs, back from the last step.

    The product is carried as a singular value decomposition, and one more Jacobian is taken in by making the singular
    vectors, after J_tᵀ has acted on them, orthogonal again: see `rnnx/dynamics/_orthogonal.py`. Nothing is ever
    multiplied out, so σ_i may be e^{±1000}. Where a σ_i is lost to rounding within one step it is -inf. A NaN in s_T
    gives NaN.

    Args:
      cell: a cell that can be stepped.
      params: its parameters.
      xs: inputs `[T, B, I]`.
      state: s_0 `[B, …]`; the cell's initial state if not given.

    Returns:
      `SingularValues`: `.log [T + 1, B, S]`, nats, with S numbers in one example's state (two for a complex one), and
      log10 of the largest, the smallest, the Frobenius norm and the condition number, `[T + 1, B]`.

    Raises:
      ValueError: a cell that can't be stepped; inputs or a state that do not fit it.

    Cost: per step S backward passes through the cell, and some ten sweeps of rotations, each some 6 S³ per
    example. Memory T · S per example.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=4, activation="identity")
    >>> params = cell.init(jax.random.key(0), 3)
    >>> params = params._replace(recurrent_kernel=0.5 * params.recurrent_kernel)  # ½ Q
    >>> found = jacobian_singular_values(cell, params, jax.numpy.ones((1000, 1, 3)))
    >>> print(f"{found.log10_min[1000, 0]:.1f} {found.log10_max[1000, 0]:.1f}")  # 1000 · log10 ½
    -301.0 -301.0
    """
    trajectory = unroll(cell, params, xs, state, return_states=True)
    batch_shape = jnp.shape(xs)[1:-1]
    if state is None:
        state = first_state(cell, params, xs)
    states = jax.tree.map(lambda s_0, s: jnp.concatenate([s_0[None], s]), state, trajectory.states)
    T = len(xs)
    flat, step = flat_step("jacobian_singular_values", cell, params, state, len(batch_shape))
    by_step = log_singular_values(step, flat.pack(states), jnp.asarray(xs), jnp.full(batch_shape, T - 1))
    return SingularValues(by_step[::-1])


def log_singular_values(step: Step, states: Array, xs: Array, last: Array) -> Array:
    """ln of the singular values of J_last … J_t for t = 0 … T, the identity for t > last, `[T + 1, B, S]`."""
    s_last = jnp.take_along_axis(states, (last + 1)[None, ..., None], axis=0)[0]
    zero = jnp.zeros_like(s_last)
    start = (
        zero[..., None] + jnp.eye(zero.shape[-1], dtype=zero.dtype),
        jnp.where(jnp.isnan(s_last).any(axis=-1, keepdims=True), jnp.nan, zero),
    )

    def backwards(carry: tuple[Array, Array], at_t: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Array]:
        vectors, log = carry
        t, s, x = at_t
        inside = (t <= last)[..., None, None]
        vectors, log = orthogonalised(jnp.where(inside, pull(step, s, x, vectors), vectors), log)
        return (vectors, log), jnp.sort(log, axis=-1, descending=True)

    t = jnp.arange(len(xs), dtype=last.dtype)
    _, products = jax.lax.scan(backwards, start, (t, states[:-1], xs), reverse=True)
    return jnp.concatenate([products, start[1][None]])


def _log10(natural: Array) -> Array:
    return natural / np.log(10).astype(natural.dtype)
