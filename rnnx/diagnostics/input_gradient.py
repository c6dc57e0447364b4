"""Input gradient against lag: which inputs the loss still depends on."""

from rnnx.diagnostics import _lag
from rnnx.diagnostics._tags import Tag
from rnnx.numerics import log10_norm
from rnnx.types import Array, GradientFlow, Histogram

TAGS = (
    Tag(
        "input_gradient/log10_norm",
        "log10",
        "‖∂L/∂x_{T−k}‖ against lag k, x being what the cell sees: median and quartiles",
        quartiles=True,
    ),
)


def input_gradient(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """log10 ‖∂L/∂x_{T-k}‖ against lag k, where x is what the cell sees (after an embedding, if there is one).

    Tags: `input_gradient/log10_norm`, `…/log10_norm_q25`, `…/log10_norm_q75`, curves over lag `[T]`, of the median and
    quartiles over the batch. Cost: none beyond the shared backward pass.

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> def measure(params):
    ...     return input_gradient(rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> jax.jit(measure)(params)["input_gradient/log10_norm"].shape
    (20,)
    """
    curves = _lag.curves(flow, log10_norm(flow.input_gradients))
    return {**_lag.curves_of_quartiles("input_gradient/log10_norm", *curves)}
