"""The recursion that back-propagation through time is: does the gradient that was found obey it?"""

import jax
import jax.numpy as jnp

from rnnx.diagnostics._carry import carried
from rnnx.diagnostics._jacobian import check_stepped, stepped_inputs
from rnnx.gradient_flow import log10_norm
from rnnx.types import Array, Evidence, State


def recursion(evidence: Evidence) -> dict[str, Array]:
    """How far the state gradients are from δ_t = ∂⁺L/∂s_t + J_{t+1}ᵀ δ_{t+1}, by one step of the cell at a time.

    ∂⁺L/∂s_t is the direct part, through y_t alone; J_{t+1} = ∂s_{t+1}/∂s_t (Pascanu, Mikolov & Bengio 2013). Tag:
    `recursion/residual`, the largest over steps and examples of the norm of the difference, relative to the largest
    norm of the three terms: a few roundings where the backward pass is right, of order 1 where it is not. Terms so
    small that they have lost digits to underflow are left out.

    Cost: one step and one read of all t at once, and their backward passes; for a cell made of cells a forward and a
    backward pass more. Raises `ValueError` for a cell that can't be stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> float(recursion(rnnx.evidence(cell, params, xs, lambda ys: ys[-1].sum()))["recursion/residual"]) < 1e-5
    True
    """
    cell, params, xs, flow = evidence.cell, evidence.params, stepped_inputs(evidence), evidence.flow
    step = check_stepped("recursion", cell)
    before = jax.tree.map(lambda s: s[:-1], flow.states)
    after = jax.tree.map(lambda s: s[1:], flow.states)

    found = carried(evidence)
    direct = jax.vjp(lambda s: cell.read(params, s, xs), after)[1](flow.output_gradients)[0]
    earlier = jax.vjp(lambda s: step(params, s, xs), before)[1](found)[0]  # J_tᵀ δ_t, which belongs to t - 1

    through_time = jax.tree.map(lambda e: jnp.concatenate([e[1:], jnp.zeros_like(e[:1])]), earlier)
    difference = jax.tree.map(lambda a, b, c: a - b - c, found, direct, through_time)

    def norm(terms: State) -> Array:
        return log10_norm(*jax.tree.leaves(terms))

    scale = jnp.maximum(norm(found), jnp.maximum(norm(direct), norm(through_time)))
    limits = jnp.finfo(scale.dtype)
    exact_above = jnp.log10(limits.tiny) - jnp.log10(limits.eps)
    residual = jnp.where(scale < exact_above, 0, 10 ** (norm(difference) - scale))
    return {"recursion/residual": jnp.max(residual)}
