"""The gradient with respect to the parameters as a sum over steps.

    ∂L/∂θ = Σ_t G_t,    G_t = (∂⁺s_t/∂θ)ᵀ δ_t + (∂⁺y_t/∂θ)ᵀ ∂L/∂y_t

∂⁺ holds s_{t-1} and x_t constant: it is what θ does to s_t at step t itself. What θ does to an initial state that is
learned belongs to the example's first step. G_k below is the sum over the examples of their G_t at lag k = last - t.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rnnx.diagnostics._again import check_without_resets
from rnnx.diagnostics._at_lag import AtLag, at_lag, mask_state, sort_by_lag
from rnnx.diagnostics._carry import carry_gradients
from rnnx.dynamics.jacobians import check_stepped
from rnnx.numerics import unit_vector
from rnnx.types import Array, GradientFlow, Params, State
from rnnx.unroll import first_state


def scan_lags(name: str, flow: GradientFlow, visit: Callable[[Params, Params], Any]) -> tuple[Any, Params]:
    """What `visit(G_k, Σ_{j > k} G_j)` makes of each lag, stacked to `[T, …]`, and Σ_k G_k.

    One scan from the oldest step to the latest, so that what is older than k, however small, is summed without the
    rest; there is never more than one G_k. Cost: a forward and a backward step for each t, and what `tell` computes.

    Args:
      name: of the measurement, for the error.
      flow: of a loss at each example's last step: what a later one adds is in no lag.
      visit: (G_k, what older steps add) -> any pytree.

    Raises:
      ValueError: a cell that can't be stepped.
    """
    cell, params, step = flow.cell, flow.params, check_stepped(name, flow.cell)
    check_without_resets(name, flow)

    def initial_state(params: Params) -> State:
        own = first_state(cell, params, flow.inputs)
        return jax.lax.stop_gradient(own) if flow.state_given else own

    _, of_initial = jax.vjp(initial_state, params)

    def add(older: Params, of_lag: tuple[AtLag, State]) -> tuple[Params, Any]:
        at_k, delta = of_lag
        _, through_step = jax.vjp(lambda params, s_tm1: step(params, s_tm1, at_k.x), params, at_k.before)
        _, through_read = jax.vjp(lambda params: cell.read(params, at_k.after, at_k.x), params)
        by_step, d_before = through_step(delta)
        (by_read,) = through_read(at_k.output_gradient)
        (by_initial,) = of_initial(mask_state(at_k.first, d_before))
        part = jax.tree.map(lambda *three: sum(three), by_step, by_read, by_initial)
        return jax.tree.map(jnp.add, older, part), visit(part, older)

    lags = at_lag(flow), sort_by_lag(carry_gradients(flow), flow.last)
    total, told = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, params), lags, reverse=True)
    return told, total


def flat(tree: Any) -> Array:
    """All numbers of a pytree in one vector."""
    return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(tree)])


def cosine(u: Array, v: Array) -> Array:
    """Of the angle between two vectors; 0 where one is exactly zero."""
    return jnp.real(jnp.vdot(unit_vector(u), unit_vector(v)))
