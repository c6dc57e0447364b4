"""Gates: how open they are."""

import jax
import jax.numpy as jnp

from rnnx.diagnostics._histogram import histogram
from rnnx.diagnostics._share import counted, share
from rnnx.types import Array, Evidence, Histogram


def gates(evidence: Evidence) -> dict[str, Array | Histogram]:
    """Mean and distribution of every gate over steps, examples and units; nothing for a cell without gates.

    Tags, for each gate as the cell names it (`forget`, `update`, …): `gates/<gate>/mean`, and `gates/<gate>/histogram`
    on [0, 1]. A gate is left (right) saturated below 0.1 (above 0.9); `gates/<gate>/left_saturated` and
    `gates/<gate>/right_saturated` are the shares (Karpathy, Johnson & Fei-Fei 2015). Cost: one more matrix product over
    all steps.

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=8, forget_bias=1.0)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> measured = gates(rnnx.evidence(cell, params, jax.numpy.zeros((5, 4, 3)), lambda ys: ys[-1].sum()))
    >>> round(float(measured["gates/forget/mean"]), 3)  # σ(1)
    0.731
    """
    cell, params, inputs, last, flow = evidence
    if cell.gates is None:
        return {}
    before = jax.tree.map(lambda s: s[:-1], flow.states)
    measured: dict[str, Array | Histogram] = {}
    for name, gate in cell.gates(params, before, inputs).items():
        where = counted(gate, last)
        measured[f"gates/{name}/mean"] = jnp.mean(gate, where=where)
        measured[f"gates/{name}/left_saturated"] = share(gate < 0.1, gate, where)
        measured[f"gates/{name}/right_saturated"] = share(gate > 0.9, gate, where)
        measured[f"gates/{name}/histogram"] = histogram(gate, 0, 1, bins=40, there=where)
    return measured
