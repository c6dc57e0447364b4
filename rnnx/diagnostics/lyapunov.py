"""The Lyapunov spectrum of a network driven by its inputs: see `rnnx.dynamics.lyapunov`."""

import math

import jax
import jax.numpy as jnp

from rnnx.diagnostics._again import check_without_resets
from rnnx.diagnostics._tags import Tag
from rnnx.dynamics.jacobians import flat_step
from rnnx.dynamics.lyapunov import driven_exponents
from rnnx.types import Array, GradientFlow

TAGS = (
    Tag(
        "lyapunov/spectrum",
        "nats per step",
        "Lyapunov exponents of the driven network, all, largest first; mean over examples",
    ),
    Tag(
        "lyapunov/largest",
        "nats per step",
        "the largest Lyapunov exponent of the driven network; mean over examples",
        headline=True,
    ),
)


def exponents(flow: GradientFlow, diagnostic: str, share: float) -> tuple[Array, Array]:
    """The largest ⌈share · S⌉ exponents `[B, count]` up to each example's last step, and which examples have a step.

    The first tenth of the steps is the transient.
    """
    check_without_resets(diagnostic, flow)
    cell, params, inputs, last = flow.cell, flow.params, flow.inputs, flow.last
    state = jax.tree.map(lambda s: s[0], flow.states)
    flat, step = flat_step(diagnostic, cell, params, state, 1)
    t = jnp.arange(len(inputs), dtype=last.dtype)[:, None]
    xs = jnp.where((t <= last)[..., None], inputs, 0)
    counted = (t >= (last + 1) // 10) & (t <= last)
    return driven_exponents(step, flat.pack(state), xs, counted, math.ceil(share * flat.size)), last >= 0


def lyapunov(flow: GradientFlow) -> dict[str, Array]:
    """The Lyapunov spectrum of the cell driven by its inputs, up to each example's last step.

    Tags: `lyapunov/spectrum` `[S]`, largest first, nats per step, mean over examples, and `lyapunov/largest`. The first
    tenth of the steps is left out as transient. A sequence of T steps tells λ_i up to some 1/T. Cost: as
    `lyapunov_spectrum` with all exponents: T · S³ per example. Raises `ValueError` for a cell that can't be stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=4)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> def measure(params):
    ...     return lyapunov(rnnx.gradient_flow(cell, params, jax.numpy.zeros((60, 2, 3)), lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> measured["lyapunov/spectrum"].shape, bool(measured["lyapunov/largest"] < 0)
    ((4,), True)
    """
    rates, there = exponents(flow, "lyapunov", share=1)
    spectrum = jnp.mean(rates, axis=0, where=there[:, None])
    return {"lyapunov/spectrum": spectrum, "lyapunov/largest": spectrum[0]}
