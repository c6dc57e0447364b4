"""Hidden units: where in its range the state lives."""

import jax.numpy as jnp

from rnnx.diagnostics._histogram import histogram
from rnnx.diagnostics._share import fraction, valid_mask
from rnnx.diagnostics._tags import Tag
from rnnx.types import Array, GradientFlow, Histogram

TAGS = (
    Tag("hidden_units/histogram", "", "cell outputs"),
    Tag("hidden_units/saturated", "0 … 1", r"share of cell outputs y with 1 − \|y\| < 0.05", headline=True),
    Tag("hidden_units/dead", "0 … 1", "share of units that are exactly 0 at all steps of all examples", headline=True),
)


def hidden_units(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """Distribution of what the cell gives out, y_t, the share of it at the ends of (-1, 1), and of units that are dead.

    Tags: `hidden_units/histogram` over steps, examples and units, on [-1, 1] (an unbounded activation falls in the
    outermost bins); `hidden_units/saturated`: the share with 1 - |y| < 0.05, where tanh has a slope below 0.1 and
    passes little gradient; `hidden_units/dead`: the share of units that are exactly 0 at all steps of all examples, as
    a relu that nothing here switches on. Cost: one elementwise pass.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> def run(params):
    ...     return rnnx.gradient_flow(cell, params, 100 * jax.numpy.ones((5, 4, 3)), lambda ys: ys[-1].sum())
    >>> flow = jax.jit(run)(params)
    >>> measured = hidden_units(flow)
    >>> float(measured["hidden_units/saturated"]) > 0.9
    True
    """
    ys = flow.outputs
    where = valid_mask(ys, flow.last)
    seen = jnp.where(where, jnp.abs(ys), 0)
    largest = jnp.max(seen, axis=(0, 1))  # of each unit
    return {
        "hidden_units/histogram": histogram(ys, -1, 1, bins=40, there=where),
        "hidden_units/saturated": fraction(1 - jnp.abs(ys) < 0.05, ys, where),
        "hidden_units/dead": fraction(largest == 0, largest, jnp.any(where, axis=(0, 1))),
    }
