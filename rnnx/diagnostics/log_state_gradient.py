"""State gradient against lag, far below the smallest number of the number format."""

import jax
import jax.numpy as jnp

from rnnx.diagnostics import _lag
from rnnx.diagnostics._again import direct, stepped_inputs
from rnnx.diagnostics._tags import Tag
from rnnx.dynamics.jacobians import flat_step, pull
from rnnx.numerics import log10_norm, unit_vector
from rnnx.types import Array, GradientFlow

TAGS = (
    Tag(
        "log_state_gradient/log10_norm",
        "log10",
        "the same as `state_gradient/state/log10_norm`, by a backward pass that is rescaled at every step: far below "
        "the resolution of the number format",
        quartiles=True,
    ),
)


def log10_state_norm(flow: GradientFlow) -> Array:
    """log10 ‖∂L/∂s_t‖ of what is carried from step t to t + 1, `[T, B]`, whatever its size.

    The recursion δ_t = ∂⁺L/∂s_t + J_{t+1}ᵀ δ_{t+1} with δ_t = 10^{a_t} d_t, where d_t has length 1 and a_t, one number
    for each example, is carried beside it. -inf where the gradient is exactly zero, as it is past an example's length.

    Cost: one backward pass more, which computes each step again. Raises `ValueError` for a cell that can't be stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8, activation="identity")
    >>> params = cell.init(jax.random.key(0), 3)
    >>> params = params._replace(recurrent_kernel=0.1 * params.recurrent_kernel)  # linear: loses a digit a step
    >>> def run(params):
    ...     return rnnx.gradient_flow(cell, params, jax.numpy.ones((200, 2, 3)), lambda ys: ys[-1].sum())
    >>> found = jax.jit(run)(params)
    >>> log10 = log10_state_norm(found)
    >>> print(f"{log10[0, 0] - log10[-1, 0]:.2f}", found.log10_state_norm[0, 0])
    -199.00 -inf
    """
    cell, params, xs = flow.cell, flow.params, stepped_inputs(flow)
    flat, step = flat_step("log_state_gradient", cell, params, jax.tree.map(lambda s: s[0], flow.states), 1)
    states = flat.pack(flow.states)
    # The gradient along real and imaginary part is the conjugate of what JAX calls the cotangent.
    from_outside = flat.pack(jax.tree.map(jnp.conj, direct(flow, xs)))

    def backwards(carry: tuple[Array, Array], at_t: tuple[Array, ...]) -> tuple[tuple[Array, Array], Array]:
        s, x, outside = at_t
        d, a = _sum(carry, _unit(outside))
        pulled, growth = _unit(pull(step, s, x, d[:, None])[:, 0])
        return (pulled, a + growth), a

    nothing = _unit(jnp.zeros_like(states[0]))
    _, log10 = jax.lax.scan(backwards, nothing, (states[:-1], xs, from_outside), reverse=True)
    return log10


def _unit(v: Array) -> tuple[Array, Array]:
    """A vector as one of length 1 and log10 of its length; zero stays zero, with -inf."""
    return unit_vector(v), log10_norm(v)


def _sum(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
    """The sum of two vectors, each given by its direction and log10 of its length, in the same form."""
    (d, a), (e, b) = first, second
    scale = jnp.maximum(a, b)
    scale = jnp.where(jnp.isneginf(scale), 0, scale)
    total, log10 = _unit(d * 10 ** (a - scale)[:, None] + e * 10 ** (b - scale)[:, None])
    return total, scale + log10


def log_state_gradient(flow: GradientFlow) -> dict[str, Array]:
    """log10 ‖∂L/∂s_{T-k}‖ against lag k, for the whole state, with no smallest number.

    What `state_gradient/state` is where that is finite; but a gradient that has vanished below the resolution of the
    number format (1e-45 in float32, 1e-324 in float64) is still told from zero, and one that has exploded beyond it
    from infinity. In a cell made of cells it is the gradient of what is carried between steps, while `state_gradient`
    of a lower layer includes what the layers above make of it at the same step.

    Tags: `log_state_gradient/log10_norm`, `…/log10_norm_q25`, `…/log10_norm_q75`, curves over lag `[T]` of the
    median and quartiles over the batch. Cost: as `log10_state_norm`, one backward pass. Raises `ValueError` for a cell
    that can't be stepped. Source: Pascanu, Mikolov & Bengio 2013.

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> def measure(params):
    ...     return log_state_gradient(rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> measured["log_state_gradient/log10_norm"].shape
    (20,)
    """
    return _lag.curves_of_quartiles("log_state_gradient/log10_norm", *_lag.by_lag(log10_state_norm(flow), flow.last))
