"""Products of Jacobians against lag: what a gradient can at most gain, and must at least lose, on its way back."""

import jax
import jax.numpy as jnp

from rnnx.diagnostics import _lag
from rnnx.diagnostics._again import check_without_resets
from rnnx.diagnostics._tags import Tag
from rnnx.dynamics.jacobians import flat_step
from rnnx.dynamics.singular_values import SingularValues, log_singular_values
from rnnx.types import Array, GradientFlow

TAGS = (
    Tag(
        "jacobian_products/log10_sigma_max",
        "log10",
        "largest singular value of ∂s_T/∂s_{T−k} against lag k: median and quartiles",
        quartiles=True,
    ),
    Tag("jacobian_products/log10_sigma_min", "log10", "its smallest singular value, likewise", quartiles=True),
    Tag("jacobian_products/log10_frobenius", "log10", "its Frobenius norm, likewise", quartiles=True),
    Tag("jacobian_products/log10_condition", "log10", "its condition number, likewise", quartiles=True),
    Tag(
        "jacobian_products/log_singular_values",
        "nats per step",
        "ln σ_i / k of that product back to s_0, all i, largest first",
    ),
)


def jacobian_products(flow: GradientFlow) -> dict[str, Array]:
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
    >>> def measure(params):
    ...     return jacobian_products(rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> bool((measured["jacobian_products/log10_sigma_max"] <= 1e-5).all())  # orthogonal, and tanh' ≤ 1
    True
    """
    check_without_resets("jacobian_products", flow)
    cell, params, xs, last = flow.cell, flow.params, flow.inputs, flow.last
    flat, step = flat_step("jacobian_products", cell, params, jax.tree.map(lambda s: s[0], flow.states), 1)
    by_step = log_singular_values(step, flat.pack(flow.states), xs, last)
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
