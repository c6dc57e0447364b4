"""Gates: how open they are, and how long what they keep is kept."""

import jax.numpy as jnp

from rnnx.diagnostics import _lag
from rnnx.diagnostics._histogram import histogram
from rnnx.diagnostics._share import fraction, valid_mask
from rnnx.diagnostics._tags import Tag
from rnnx.types import Array, GradientFlow, Histogram

TAGS = (
    Tag("gates/<gate>/mean", "0 … 1", "gate values, mean over steps, examples and units", headline=True),
    Tag("gates/<gate>/histogram", "0 … 1", "gate values over steps, examples and units"),
    Tag("gates/<gate>/left_saturated", "0 … 1", "share of the gate values below 0.1"),
    Tag("gates/<gate>/right_saturated", "0 … 1", "share of the gate values above 0.9"),
    Tag(
        "gates/<gate>/time_scale",
        "log10 steps",
        "−1 / (mean of ln f over the steps) of each unit in each example, for gates called `forget` or `update`, "
        "which multiply the old state: a histogram",
    ),
    Tag(
        "gates/<gate>/retention",
        "log10",
        "product of those gates over the last k steps against lag k: mean of the logarithm over units and examples",
    ),
)

_KEEPING = ("forget", "update")
"""What cells call the gate that multiplies the old state: it keeps all of it where it is 1."""


def gates(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """Mean and distribution of every gate over steps, examples and units; nothing for a cell without gates.

    Tags, for each gate as the cell names it (`forget`, `update`, …): `gates/<gate>/mean`, and `gates/<gate>/histogram`
    on [0, 1]. A gate is left (right) saturated below 0.1 (above 0.9); `gates/<gate>/left_saturated` and
    `gates/<gate>/right_saturated` are the shares (Karpathy, Johnson & Fei-Fei 2015).

    For a gate f that multiplies the old state, called `forget` or `update`, also how long it keeps what it keeps
    (Tallec & Ollivier 2018):

    - `gates/<gate>/time_scale`: histogram of log10 τ of each unit in each example, τ = -1 / (mean of ln f over the
      example's steps), the steps in which 1 / e of it would be left;
    - `gates/<gate>/retention`: log10 of f_T f_{T-1} … f_{T-k+1} against lag k, `[T]`: how much of the unit at lag k is
      left at lag 0 by way of this gate alone; mean over units and examples, of the logarithm.

    Cost: one more matrix product over all steps, and elementwise passes.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8, forget_bias=1.0)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> def measure(params):
    ...     return gates(rnnx.gradient_flow(cell, params, jax.numpy.zeros((5, 4, 3)), lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> round(float(measured["gates/forget/mean"]), 3)  # σ(1)
    0.731
    """
    cell, params, inputs, last = flow.cell, flow.params, flow.inputs, flow.last
    if cell.gates is None:
        return {}
    before = flow.before
    measured: dict[str, Array | Histogram] = {}
    for name, gate in cell.gates(params, before, inputs).items():
        where = valid_mask(gate, last)
        measured[f"gates/{name}/mean"] = jnp.mean(gate, where=where)
        measured[f"gates/{name}/left_saturated"] = fraction(gate < 0.1, gate, where)
        measured[f"gates/{name}/right_saturated"] = fraction(gate > 0.9, gate, where)
        measured[f"gates/{name}/histogram"] = histogram(gate, 0, 1, bins=40, there=where)
        if name.split(".")[-1] in _KEEPING:  # after the layer's name
            measured[f"gates/{name}/time_scale"] = _time_scale(gate, where)
            measured[f"gates/{name}/retention"] = _retention(gate, last)
    return measured


def _time_scale(gate: Array, where: Array) -> Histogram:
    """log10 τ of each unit in each example with a step, from `[T, B, H]`."""
    rate = jnp.abs(jnp.mean(jnp.log(gate), axis=0, where=where))  # of a logarithm that is not above 0
    return histogram(-jnp.log10(rate), -1, 5, bins=48, there=jnp.any(where, axis=0))


def _retention(gate: Array, last: Array) -> Array:
    """The curve over lag, from `[T, B, H]`."""
    curves, there = _lag.by_lag(jnp.mean(jnp.log10(gate), axis=-1), last)
    kept = jnp.cumsum(jnp.where(there, curves, 0), axis=0)
    # At lag 0 nothing has been lost yet; a NaN at lag k is seen there.
    until = jnp.where(jnp.isnan(kept), jnp.nan, jnp.concatenate([jnp.zeros_like(kept[:1]), kept[:-1]]))
    return jnp.mean(until, axis=1, where=there)
