"""State gradient against lag: how far back in time the loss reaches."""

import math

import jax
import jax.numpy as jnp

from rnnx.diagnostics import _lag
from rnnx.diagnostics._histogram import histogram
from rnnx.diagnostics._tags import Tag
from rnnx.numerics import log10_state_norm
from rnnx.pytrees import named_leaves
from rnnx.types import Array, GradientFlow, Histogram

TAGS = (
    Tag(
        "state_gradient/<part>/log10_norm",
        "log10",
        "‖∂L/∂s_{T−k}‖ against lag k: median and quartiles. `<part>` is `state` for the whole state, and `h`, `c`, … "
        "for its parts",
        quartiles=True,
    ),
    Tag(
        "state_gradient/<part>/decay_rate",
        "nats per step",
        "slope of ln ‖∂L/∂s_{T−k}‖, median over examples, against lag k, by least squares; negative where the gradient "
        "vanishes, positive where it explodes: −0.1 loses a factor e in ten steps",
        headline=True,
    ),
    Tag(
        "state_gradient/<part>/horizon",
        "steps",
        "largest lag whose gradient is at least 1/e of that at lag 0 (at the first lag that has one, for a part that "
        "the output does not read)",
    ),
    Tag(
        "state_gradient/<part>/reach",
        "steps",
        "largest lag whose gradient is at least 1 % of that at lag 0. An LSTM may lose most of it in the first step "
        "back, on the way from h to c, and keep the rest for long: its horizon is then 0, and this tells how far the "
        "rest goes",
        headline=True,
    ),
    Tag(
        "state_gradient/<part>/exploding",
        "0 … 1",
        "share of the examples whose gradient is above e times that at lag 0 at some lag (at the first lag that has "
        "one, for a part that the output does not read)",
    ),
    Tag("state_gradient/<part>/histogram", "log10", "norms of all steps and examples"),
    Tag(
        "state_gradient/on_data",
        "log10",
        "‖∂L/∂s_t‖ at each step of the first example, in the order of its data (at each node of a tree); NaN past its "
        "length. The example itself is in `example.json`",
    ),
    Tag(
        "state_gradient/against_time",
        "0 or 1",
        "of a part that runs backward in time alone: 1 where nobody asks for its final state. The loss of the last "
        "time then enters at its first step, and its curves over lag say nothing about vanishing or exploding",
    ),
)


def state_gradient(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """log10 ‖∂L/∂s_{T-k}‖ against lag k, for the whole state and each of its parts, with decay rate, horizon and reach.

    Norms are per example, summarised over the batch by median and quartiles; decay rate, horizon and reach are those of
    the median. Tags, for each part (`state` for the whole, and `h`, `c`, … as the cell names them):

    - `state_gradient/<part>/log10_norm`, `…/log10_norm_q25`, `…/log10_norm_q75`: curves over lag, `[T]`;
    - `state_gradient/<part>/decay_rate`: slope of ln ‖δ‖ over lag, nats per step, negative where it vanishes;
    - `state_gradient/<part>/horizon`: largest lag with at least 1/e of the gradient at lag 0, steps;
    - `state_gradient/<part>/reach`: largest lag with at least 1 % of it, steps: of ρ^k, ⌊ln 0.01 / ln ρ⌋;
    - `state_gradient/<part>/exploding`: share of the examples with a gradient above e times that at lag 0 at some lag;
    - `state_gradient/<part>/histogram`: log10 norms of all steps and examples.

    Of the first example alone `state_gradient/on_data` has log10 ‖δ_t‖ at each step, in the order of the data, `[T]`,
    and NaN past its length.

    Of a part that runs backward in time `state_gradient/against_time` says by 1 that nobody asks for its final state.
    A loss of the last time then enters at the first step of the part, at its largest lag, and what is far from lag 0
    is near the loss.

    Of a tree a lag is a depth below the root, at which the root mean square over an example's nodes is taken. A
    gradient of exactly zero is -inf: below the resolution of the number format. Source: Pascanu, Mikolov & Bengio 2013.
    Cost: none beyond the backward pass that all measurements share.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8, activation="identity")
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> def measure(params):
    ...     return state_gradient(rnnx.gradient_flow(cell, params, xs, loss=lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> abs(float(measured["state_gradient/h/decay_rate"])) < 1e-5  # linear and orthogonal: nothing decays
    True
    """
    gradients = flow.state_gradients
    norms = {"state": flow.log10_state_norm} | {
        part: log10_state_norm(gradient, flow.lag.shape) for part, gradient in named_leaves(gradients).items()
    }
    measured: dict[str, Array | Histogram] = {}
    for part, norm in norms.items():
        curves, there = _lag.curves(flow, norm)
        lags = there.any(axis=1)
        tag = f"state_gradient/{part}"
        quartiles = _lag.curves_of_quartiles(f"{tag}/log10_norm", curves, there)
        middle = quartiles[f"{tag}/log10_norm"]
        measured |= quartiles
        measured[f"{tag}/decay_rate"] = _lag.decay_rate(middle, lags)
        measured[f"{tag}/horizon"] = _lag.reach(middle, lags, 1 / math.e)
        measured[f"{tag}/reach"] = _lag.reach(middle, lags, 0.01)
        measured[f"{tag}/exploding"] = _lag.exploding(curves, there)
        measured[f"{tag}/histogram"] = histogram(curves, -20, 4, bins=48, there=there)
    measured["state_gradient/on_data"] = _of_first_example(flow)
    if flow.reverse:
        handed_over = sum(jnp.count_nonzero(leaf) for leaf in jax.tree.leaves(flow.final_state_gradients))
        measured["state_gradient/against_time"] = jnp.asarray(handed_over == 0, flow.log10_state_norm.dtype)
    return measured


def _of_first_example(flow: GradientFlow) -> Array:
    """log10 ‖δ_t‖ where its steps stand in the data, `[T]`; NaN where there is none."""
    norms = jnp.where(flow.lag[:, 0] >= 0, flow.log10_state_norm[:, 0], jnp.nan)
    return jnp.full_like(norms, jnp.nan).at[flow.position[:, 0]].set(norms)
