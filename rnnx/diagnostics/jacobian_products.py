"""Products of Jacobians against lag: what a gradient can at most gain, and must at least lose, on its way back."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.diagnostics import _lag
from rnnx.diagnostics._jacobian import Step, flat_step, pull
from rnnx.diagnostics._orthogonal import orthogonalised
from rnnx.types import Array, Cell, Evidence, Params, State
from rnnx.unroll import unroll


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
    vectors, after J_tᵀ has acted on them, orthogonal again: see `_orthogonal.py`. Nothing is ever multiplied out, so
    σ_i may be e^{±1000}. Where a σ_i is lost to rounding within one step it is -inf. A NaN in s_T gives NaN.

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
        state = cell.initial_state(params, tuple(batch_shape))
    states = jax.tree.map(lambda s_0, s: jnp.concatenate([s_0[None], s]), state, trajectory.states)
    T = len(xs)
    flat, step = flat_step("jacobian_singular_values", cell, params, state, len(batch_shape))
    by_step = _products(step, flat.pack(states), jnp.asarray(xs), jnp.full(batch_shape, T - 1))
    return SingularValues(by_step[::-1])


def _products(step: Step, states: Array, xs: Array, last: Array) -> Array:
    """ln of the singular values of J_last … J_t for t = 0 … T, the identity for t > last, `[T + 1, B, S]`."""
    *batch_shape, S = states.shape[1:]
    s_last = jnp.take_along_axis(states, (last + 1)[None, ..., None], axis=0)[0]
    start = (
        jnp.broadcast_to(jnp.eye(S, dtype=states.dtype), (*batch_shape, S, S)),
        jnp.where(jnp.isnan(s_last).any(axis=-1, keepdims=True), jnp.nan, jnp.zeros_like(s_last)),
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


def jacobian_products(evidence: Evidence) -> dict[str, Array]:
    """Singular values of ∂s_T/∂s_{T-k} = J_T … J_{T-k+1} against lag k, back from each example's last scored step.

    Tags: `jacobian_products/log10_sigma_max`, `…/log10_sigma_min`, `…/log10_frobenius`, `…/log10_condition`, each with
    `…_q25` and `…_q75`: curves over lag `[T]` of the median and quartiles over the batch (lag 0 is the identity); and
    `jacobian_products/log_singular_values` `[S]`: (ln σ_i) / k at the largest lag, back to s_0, nats per step, largest
    first, median over the batch. No gradient can grow faster than σ_max or shrink faster than σ_min (Pascanu, Mikolov &
    Bengio 2013; Engelken, Wolf & Abbott 2020).

    Cost: as `jacobian_singular_values`, T · S³ per example times some 60. Raises `ValueError` for a cell that can't be
    stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=4)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> measured = jacobian_products(rnnx.evidence(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> bool((measured["jacobian_products/log10_sigma_max"] <= 1e-5).all())  # orthogonal, and tanh' ≤ 1
    True
    """
    cell, params, xs, last, flow, _ = evidence
    flat, step = flat_step("jacobian_products", cell, params, jax.tree.map(lambda s: s[0], flow.states), 1)
    by_step = _products(step, flat.pack(flow.states), xs, last)
    # ∂s_last/∂s_t is the product down to step t + 1.
    by_lag, there = jax.vmap(_lag.by_lag, in_axes=(2, None), out_axes=(2, None))(by_step[1:], last)
    found = SingularValues(by_lag)
    measured: dict[str, Array] = {}
    for name, curves in {
        "sigma_max": found.log10_max,
        "sigma_min": found.log10_min,
        "frobenius": found.log10_frobenius,
        "condition": found.log10_condition,
    }.items():
        measured |= _lag.curves_of_quartiles(f"jacobian_products/log10_{name}", curves, there)
    steps = (last + 1).astype(by_step.dtype)
    rates = by_step[0].T / jnp.maximum(steps, 1)
    _, spectrum, _ = _lag.quartiles(rates, jnp.broadcast_to(last >= 0, rates.shape))
    return measured | {"jacobian_products/log_singular_values": spectrum}
