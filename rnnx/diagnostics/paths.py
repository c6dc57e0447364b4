"""Paths of the gradient: along which part of the state it comes back."""

import jax
import jax.numpy as jnp

from rnnx.diagnostics import _lag
from rnnx.diagnostics._again import direct, stepped_inputs
from rnnx.diagnostics._at_lag import AtLag, at_lag, mask_state, sort_by_lag
from rnnx.diagnostics._tags import Tag
from rnnx.dynamics.jacobians import check_stepped
from rnnx.numerics import log10_state_norm
from rnnx.pytrees import named_leaves
from rnnx.types import Array, GradientFlow, Histogram, State

TAGS = (
    Tag(
        "paths/<part>/log10_norm",
        "log10",
        "‖∂L/∂s_{T−k}‖ against lag k with that part of the state alone open between steps; `<part>` is `all` for all "
        "parts",
    ),
)


def paths(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """The state gradient when only one part of the state is open between steps (Arpit et al. 2018, "h-detach").

    All other parts of s_{t-1} are held constant at every step, so that the gradient comes back through that part alone:
    for an LSTM along c, which its forget gate scales, or along h, through the recurrent weights. Norms are of the whole
    δ_{T-k}, median over the batch. Tags, curves over lag `[T]`:

    - `paths/<part>/log10_norm`, for `h`, `c`, … as the cell names them;
    - `paths/all/log10_norm`, with all parts open: the state gradient. For a cell made of cells it is that of the whole
      state handed from step to step, and not layer by layer.

    At lag 1 the paths add up to the whole; from lag 2 on what changes over from one part to the other is in none of
    them. Cost: one backward pass one step at a time, with as many gradients as paths, all of which are kept.

    Raises:
      ValueError: a cell that can't be stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8, forget_bias=3.0)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> def measure(params):
    ...     return paths(rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> bool(measured["paths/c/log10_norm"][19] > measured["paths/h/log10_norm"][19] + 3)
    True
    """
    there = at_lag(flow).there
    return {
        f"paths/{path}/log10_norm": _lag.quartiles(log10_state_norm(gradient, there.shape), there)[1]
        for path, gradient in path_gradients(flow).items()
    }


def path_gradients(flow: GradientFlow) -> dict[str, State]:
    """∂L/∂s_{T-k} through one part of the state, `[T, B, …]` over lag k, by part, and through `all`.

        δ_t = ∂⁺L/∂s_t + P (∂s_{t+1}/∂s_t)ᵀ δ_{t+1}        P keeps the rows of that part

    Zeros where an example has no such lag.

    Raises:
      ValueError: a cell that can't be stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> def run(params):
    ...     return rnnx.gradient_flow(cell, params, jnp.ones((20, 4, 3)), lambda ys: ys[-1].sum())
    >>> found = jax.jit(run)(params)
    >>> {path: gradient.c.shape for path, gradient in path_gradients(found).items()}
    {'all': (20, 4, 8), 'h': (20, 4, 8), 'c': (20, 4, 8)}
    """
    params, step = flow.params, check_stepped("paths", flow.cell)
    steps = at_lag(flow)
    from_outside = sort_by_lag(direct(flow, stepped_inputs(flow)), flow.last)
    leaves, structure = jax.tree.flatten(steps.before)
    part_of = jax.tree.unflatten(structure, range(len(leaves)))

    def along(way: Array) -> State:
        """Through part number `way`, through all of them for -1."""

        def opened(s: Array, part: int) -> Array:
            return jnp.where((way == part) | (way == -1), s, jnp.zeros((), s.dtype))

        def back(from_later: State, of_lag: tuple[AtLag, State]) -> tuple[State, State]:
            at_k, outside = of_lag
            delta = jax.tree.map(jnp.add, outside, from_later)
            _, through_step = jax.vjp(lambda s_tm1: step(params, s_tm1, at_k.x), at_k.before)
            (passed,) = through_step(delta)
            return jax.tree.map(opened, mask_state(~at_k.first, passed), part_of), delta

        nothing = jax.tree.map(lambda s: jnp.zeros_like(s[0]), from_outside)
        return jax.lax.scan(back, nothing, (steps, from_outside))[1]

    gradients = jax.vmap(along)(jnp.arange(-1, len(leaves)))
    return {
        name: jax.tree.map(lambda g, n=n: g[n], gradients)
        for n, name in enumerate(["all", *named_leaves(steps.before)])
    }
