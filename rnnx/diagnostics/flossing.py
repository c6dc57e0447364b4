"""Gradient flossing: how far the Lyapunov exponents are from where gradients neither vanish nor explode."""

import jax.numpy as jnp

from rnnx.diagnostics._tags import Tag
from rnnx.diagnostics.lyapunov import exponents
from rnnx.types import Array, GradientFlow

TAGS = (
    Tag(
        "flossing/value",
        "(nats per step)²",
        "mean squared Lyapunov exponent of the largest half: 0 where what is carried neither grows nor shrinks",
        headline=True,
    ),
)


def flossing(flow: GradientFlow) -> dict[str, Array]:
    """The loss of gradient flossing for the larger half of the Lyapunov exponents, with target 0.

    Tag: `flossing/value`, mean of λ_i² over these exponents and the examples, (nats per step)². The first tenth of the
    steps is left out as transient. Cost: half of `lyapunov`, or less. Raises `ValueError` for a cell that can't be
    stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8, activation="identity")
    >>> params = cell.init(jax.random.key(0), 3)  # linear and orthogonal: all exponents are 0
    >>> def measure(params):
    ...     return flossing(rnnx.gradient_flow(cell, params, jax.numpy.ones((20, 4, 3)), lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> float(measured["flossing/value"]) < 1e-10
    True
    """
    rates, there = exponents(flow, "flossing", share=0.5)
    return {"flossing/value": jnp.mean(jnp.square(rates), where=there[:, None])}
