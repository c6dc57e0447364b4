"""Random truncation: how noisy a gradient is that is cut at random, without bias."""

import jax
import jax.numpy as jnp

from rnnx.combinators.random_truncation import random_truncation as cut_at_random
from rnnx.diagnostics._again import pulled_back, run_again
from rnnx.diagnostics._contributions import cosine, flat
from rnnx.diagnostics._tags import Tag
from rnnx.numerics import log10_norm
from rnnx.types import Array, GradientFlow, Histogram

TAGS = (
    Tag(
        "random_truncation/cosine",
        "-1 … 1",
        "cosine of the angle between one gradient by random truncation to stretches of T/4 + 1 steps on average and "
        "the whole: mean over eight draws",
    ),
    Tag(
        "random_truncation/relative_error",
        "",
        "the error of such a gradient, relative to the whole: root mean square over the draws",
        headline=True,
    ),
)

_DRAWS = 8


def random_truncation(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """How far one gradient by randomly truncated back-propagation lies from the whole one (Tallec & Ollivier 2017).

    The gradient of the cell's parameters is taken anew through `rnnx.random_truncation` with the probability of a cut
    c = 4 / (T + 4), T being the longest example, so that a stretch is T / 4 + 1 steps long on average: noise where
    truncation to a quarter of the steps has bias. Tags, over eight fixed draws:

    - `random_truncation/cosine`: mean of cos(g̃, g);
    - `random_truncation/relative_error`: root of the mean of ‖g̃ - g‖² / ‖g‖².

    For a loss at the last of T steps, one cell and no learned initial state, the latter squared has the expectation
    Σ_{K=1}^{T} c (1 - c)^{-K} e_K², e_K being `truncation_bias/relative_error`: the noise is the bias of all the
    truncations that might be. Cost: eight forward and backward passes by engine `scan`, one after the other.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> def measure(params):
    ...     return random_truncation(rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> 0 < float(measured["random_truncation/relative_error"])
    True
    """
    g = flat(flow.param_gradients)
    longest = (jnp.max(flow.last) + 1).astype(jnp.abs(g).dtype)
    probability = 4 / (longest + 4)

    def one(key: Array) -> tuple[Array, Array]:
        cell = cut_at_random(flow.cell, key, probability)
        estimate = flat(pulled_back(flow, lambda params: run_again(flow, cell, params), flow.params))
        return cosine(estimate, g), 10 ** (log10_norm(estimate - g) - log10_norm(g))

    cosines, errors = jax.lax.map(one, jax.random.split(jax.random.key(0), _DRAWS))
    return {
        "random_truncation/cosine": jnp.mean(cosines),
        "random_truncation/relative_error": jnp.sqrt(jnp.mean(jnp.square(errors))),
    }
