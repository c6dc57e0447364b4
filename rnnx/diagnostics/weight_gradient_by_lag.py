"""Weight gradient by lag: which steps the gradient of the weights comes from."""

import jax.numpy as jnp

from rnnx.diagnostics._contributions import flat, scan_lags
from rnnx.diagnostics._tags import Tag
from rnnx.diagnostics._weights import weights
from rnnx.numerics import log10_norm, unit_vector
from rnnx.types import Array, GradientFlow, Histogram, Params

TAGS = (
    Tag(
        "weight_gradient_by_lag/<parameter>/log10_norm",
        "log10",
        "‖G_k‖, the part of ∂L/∂W that is due to the steps at lag k. `<parameter>` is each array, and `all` for all "
        "together",
    ),
    Tag(
        "weight_gradient_by_lag/<parameter>/cosine",
        "-1 … 1",
        "cosine of the angle between G_k and ∂L/∂W; below 0 a step pulls against the whole",
    ),
    Tag(
        "weight_gradient_by_lag/<parameter>/share_older_than_10",
        "0 … 1",
        "Σ ‖G_k‖ over k ≥ 10, of that over all k",
        headline=True,
    ),
    Tag(
        "weight_gradient_by_lag/<parameter>/cancellation",
        "0 … 1",
        "‖Σ G_k‖ / Σ ‖G_k‖: 0 where the steps cancel, 1 where they agree",
    ),
)


def weight_gradient_by_lag(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """The part G_k of ∂L/∂θ = Σ_k G_k that is due to the steps at lag k ("temporal contributions", Pascanu 2013).

    G_k = (∂⁺s_t/∂θ)ᵀ δ_t + (∂⁺y_t/∂θ)ᵀ ∂L/∂y_t at t = last - k, summed over the examples, where ∂⁺ holds s_{t-1}
    constant. An initial state that is learned counts with the example's first step. Tags, for each parameter array by
    name and for `all` of them together:

    - `weight_gradient_by_lag/<parameter>/log10_norm`: log10 ‖G_k‖, a curve over lag `[T]`;
    - `…/cosine`: cos(G_k, ∂L/∂θ), `[T]`; below 0 a step pulls against the whole. 0 where G_k is exactly zero;
    - `…/share_older_than_10`: Σ_{k ≥ 10} ‖G_k‖ / Σ_k ‖G_k‖, 0 … 1;
    - `…/cancellation`: ‖Σ_k G_k‖ / Σ_k ‖G_k‖, from 0, all steps cancel, to 1, all point the same way.

    An array that has no part in the loss has the share 0 and the cancellation 1. Cost: a forward and a backward pass
    one step at a time, each step adding to the weight gradient; memory of a second copy of states and inputs.

    Nothing for trees, whose nodes have no common lag.

    Raises:
      ValueError: a cell that can't be stepped.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> def measure(params):
    ...     return weight_gradient_by_lag(rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> measured["weight_gradient_by_lag/all/log10_norm"].shape
    (20,)
    >>> 0 < float(measured["weight_gradient_by_lag/recurrent_kernel/share_older_than_10"]) < 1
    True
    """
    if flow.children is not None:
        return {}
    whole = {name: unit_vector(gradient) for name, gradient in _arrays(flow.param_gradients).items()}

    def visit(part: Params, older: Params) -> dict[str, tuple[Array, Array]]:
        return {
            name: (log10_norm(gradient), jnp.real(jnp.vdot(unit_vector(gradient), whole[name])))
            for name, gradient in _arrays(part).items()
        }

    told, total = scan_lags("weight_gradient_by_lag", flow, visit)
    totals = _arrays(total)
    there = jnp.arange(len(flow.inputs), dtype=flow.last.dtype) <= jnp.max(flow.last)
    measured: dict[str, Array | Histogram] = {}
    for name, (norms, cosines) in told.items():
        older, cancellation = _shares(norms, log10_norm(totals[name]))
        tag = f"weight_gradient_by_lag/{name}"
        measured[f"{tag}/log10_norm"] = jnp.where(there, norms, jnp.nan)
        measured[f"{tag}/cosine"] = jnp.where(there, cosines, jnp.nan)
        measured[f"{tag}/share_older_than_10"] = older
        measured[f"{tag}/cancellation"] = cancellation
    return measured


def _arrays(gradients: Params) -> dict[str, Array]:
    """All arrays together, and each, as vectors."""
    arrays = {name: leaf.ravel() for name, leaf in weights(gradients).items()}
    return {"all": flat(arrays)} | arrays


def _shares(log10_norms: Array, log10_total: Array) -> tuple[Array, Array]:
    """Share of the lags from 10 on, and ‖Σ G‖ / Σ ‖G‖, from log10 ‖G_k‖ `[T]` (-inf for a lag that is not there)."""
    largest = jnp.max(log10_norms)
    largest = jnp.where(jnp.isneginf(largest), 0, largest)
    norms = 10 ** (log10_norms - largest)
    every = jnp.sum(norms)
    nothing = every == 0
    older = jnp.where(nothing, 0, jnp.sum(norms[10:]) / every)
    return older, jnp.where(nothing, 1, 10 ** (log10_total - largest) / every)
