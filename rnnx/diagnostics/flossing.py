"""Gradient flossing: how far the Lyapunov exponents are from where gradients neither vanish nor explode."""

import jax.numpy as jnp

from rnnx.diagnostics.lyapunov import exponents, lyapunov_spectrum
from rnnx.types import Array, Cell, Evidence, Params, State


def gradient_flossing(
    cell: Cell,
    params: Params,
    xs: Array,
    count: int,
    target: float = 0.0,
    transient: int = 0,
    state: State | None = None,
) -> Array:
    """Mean over examples and the `count` largest Lyapunov exponents of (λ_i - target)², (nats per step)².

    A loss to be minimised before training, or added to the loss while training, through the QR of every step: Engelken
    2023, "Gradient flossing: improving gradient descent through dynamic control of Jacobians".

    Args:
      cell, params, xs, count, transient, state: as for `lyapunov_spectrum`. Fewer exponents than the state has
        numbers: the last ones may be -inf, of which nothing can be made.
      target: λ*, nats per step.

    Returns:
      A scalar, differentiable in `params`, `xs` and `state`.

    Raises:
      ValueError: as `lyapunov_spectrum`.

    Cost: that of `lyapunov_spectrum`; its gradient takes a few times as long, and memory for T frames `[S, count]` per
    example.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 2, 3))
    >>> floss = jax.jit(jax.value_and_grad(lambda params: gradient_flossing(cell, params, xs, count=2)))
    >>> value, gradient = floss(params)
    >>> smaller, _ = floss(jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient))
    >>> bool(smaller < value)
    True
    """
    return jnp.mean(jnp.square(lyapunov_spectrum(cell, params, xs, count, transient, state) - target))


def flossing(evidence: Evidence) -> dict[str, Array]:
    """The loss of gradient flossing for the larger half of the Lyapunov exponents, with target 0.

    Tag: `flossing/value`, mean of λ_i² over these exponents and the examples, (nats per step)². The first tenth of the
    steps is left out as transient. Cost: half of `lyapunov`, or less. Raises `ValueError` for a cell that can't be
    stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8, activation="identity")
    >>> params = cell.init(jax.random.key(0), 3)  # linear and orthogonal: all exponents are 0
    >>> measured = flossing(rnnx.evidence(cell, params, jax.numpy.ones((20, 4, 3)), lambda ys: ys[-1].sum()))
    >>> float(measured["flossing/value"]) < 1e-10
    True
    """
    rates, there = exponents(evidence, "flossing", share=0.5)
    return {"flossing/value": jnp.mean(jnp.square(rates), where=there[:, None])}
