"""The recursion that back-propagation through time is: does the gradient that was found obey it?"""

import jax
import jax.numpy as jnp

from rnnx.diagnostics._again import direct, stepped_inputs
from rnnx.diagnostics._carry import carry_gradients
from rnnx.diagnostics._tags import Tag
from rnnx.dynamics.jacobians import check_stepped
from rnnx.engines import select
from rnnx.numerics import log10_state_norm
from rnnx.types import Array, GradientFlow, State, Tree

TAGS = (
    Tag(
        "recursion/residual",
        "",
        "largest relative error of δ_t = ∂⁺L/∂s_t + J_{t+1}ᵀ δ_{t+1} over steps and examples: whether the backward "
        "pass is right",
        headline=True,
    ),
)


def recursion(flow: GradientFlow) -> dict[str, Array]:
    """How far the state gradients are from δ_t = ∂⁺L/∂s_t + J_{t+1}ᵀ δ_{t+1}, by one step of the cell at a time.

    ∂⁺L/∂s_t is the direct part, through y_t and, of the last state, by being handed over; J_{t+1} = ∂s_{t+1}/∂s_t
    (Pascanu, Mikolov & Bengio 2013). Tag: `recursion/residual`, the largest over steps and examples of the norm of the
    difference, relative to the largest norm of the three terms: a few roundings where the backward pass is right, of
    order 1 where it is not. Terms so small that they have lost digits to underflow are left out.

    Cost: one step and one read of all t at once, and their backward passes; for a cell made of cells a forward and a
    backward pass more. Raises `ValueError` for a cell that can't be stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> def measure(params):
    ...     return recursion(rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> float(jax.jit(measure)(params)["recursion/residual"]) < 1e-5
    True
    """
    if flow.children is None:
        check_stepped("recursion", flow.cell)
    xs = stepped_inputs(flow)
    found = carry_gradients(flow)
    from_outside = direct(flow, xs)
    through_time = _from_parents(flow, xs, found) if flow.children is not None else _from_next(flow, xs, found)
    difference = jax.tree.map(lambda a, b, c: a - b - c, found, from_outside, through_time)

    def norm(terms: State) -> Array:
        return log10_state_norm(terms, xs.shape[:-1])

    scale = jnp.maximum(norm(found), jnp.maximum(norm(from_outside), norm(through_time)))
    limits = jnp.finfo(scale.dtype)
    exact_above = jnp.log10(limits.tiny) - jnp.log10(limits.eps)
    residual = jnp.where(scale < exact_above, 0, 10 ** (norm(difference) - scale))
    return {"recursion/residual": jnp.max(residual)}


def _from_next(flow: GradientFlow, xs: Array, found: State) -> State:
    """J_{t+1}ᵀ δ_{t+1}, at t."""
    step = check_stepped("recursion", flow.cell)
    (earlier,) = jax.vjp(lambda s: step(flow.params, s, xs), flow.before)[1](found)
    return jax.tree.map(lambda e: jnp.concatenate([e[1:], jnp.zeros_like(e[:1])]), earlier)


def _from_parents(flow: GradientFlow, xs: Array, found: State) -> State:
    """Of a tree Σ (∂s_parent/∂s_n)ᵀ δ_parent, over what has n as a child."""
    form, children = flow.cell.form, flow.children
    assert isinstance(form, Tree)
    assert children is not None
    N, B = flow.lag.shape
    examples = jnp.arange(B)
    missing = flow.cell.initial_state(flow.params, (B,))
    rows = jax.tree.map(lambda s, m: jnp.concatenate([s, m[None]]), flow.after, missing)
    at = jnp.where(children < 0, N, children)
    left, right = (jax.tree.map(lambda r, i=i: r[at[..., i], examples], rows) for i in (0, 1))
    inner = (flow.lag >= 0) & (children >= 0).any(axis=-1)
    delta = select(inner, found, jax.tree.map(jnp.zeros_like, found))
    pulled = jax.vjp(lambda left, right: form.compose(flow.params, left, right, xs), left, right)[1](delta)

    def at_children(s: Array, *of_sides: Array) -> Array:
        total = jnp.zeros((N + 1, *s.shape[1:]), s.dtype)
        for i, side in enumerate(of_sides):
            total = total.at[at[..., i], examples].add(side)
        return total[:N]

    return jax.tree.map(at_children, flow.after, *pulled)
