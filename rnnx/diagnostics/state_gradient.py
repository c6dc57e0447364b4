"""State gradient against lag: how far back in time the loss reaches."""

from rnnx.diagnostics import _lag
from rnnx.diagnostics._histogram import histogram
from rnnx.gradient_flow import log10_norm
from rnnx.parts import parts
from rnnx.types import Array, Evidence, Histogram


def state_gradient(evidence: Evidence) -> dict[str, Array | Histogram]:
    """log10 ‖∂L/∂s_{T-k}‖ against lag k, for the whole state and each of its parts, with decay rate and horizon.

    Norms are per example, summarised over the batch by median and quartiles; decay rate and horizon are those of the
    median. Tags, for each part (`state` for the whole, and `h`, `c`, … as the cell names them):

    - `state_gradient/<part>/log10_norm`, `…/log10_norm_q25`, `…/log10_norm_q75`: curves over lag, `[T]`;
    - `state_gradient/<part>/decay_rate`: slope of ln ‖δ‖ over lag, nats per step, negative where it vanishes;
    - `state_gradient/<part>/horizon`: largest lag with at least 1/e of the gradient at lag 0, steps;
    - `state_gradient/<part>/exploding`: share of the examples with a gradient above e times that at lag 0 at some lag;
    - `state_gradient/<part>/histogram`: log10 norms of all steps and examples.

    A gradient of exactly zero is -inf: below the resolution of the number format. Source: Pascanu, Mikolov & Bengio
    2013. Cost: none beyond the backward pass that all measurements share.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8, activation="identity")
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> measured = state_gradient(rnnx.evidence(cell, params, xs, loss=lambda ys: ys[-1].sum()))
    >>> abs(float(measured["state_gradient/h/decay_rate"])) < 1e-5  # linear and orthogonal: nothing decays
    True
    """
    gradients = evidence.flow.state_gradients
    norms = {"state": evidence.flow.log10_state_norm}
    norms |= {part: log10_norm(gradient) for part, gradient in parts(gradients).items()}
    measured: dict[str, Array | Histogram] = {}
    for part, norm in norms.items():
        curves, there = _lag.by_lag(norm, evidence.last)
        lags = there.any(axis=1)
        tag = f"state_gradient/{part}"
        quartiles = _lag.curves_of_quartiles(f"{tag}/log10_norm", curves, there)
        middle = quartiles[f"{tag}/log10_norm"]
        measured |= quartiles
        measured[f"{tag}/decay_rate"] = _lag.decay_rate(middle, lags)
        measured[f"{tag}/horizon"] = _lag.horizon(middle, lags)
        measured[f"{tag}/exploding"] = _lag.exploding(curves, there)
        measured[f"{tag}/histogram"] = histogram(curves, -20, 4, bins=48, there=there)
    return measured
