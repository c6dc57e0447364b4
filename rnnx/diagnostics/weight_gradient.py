"""Size of the gradient of each weight array."""

from rnnx.diagnostics._tags import Tag
from rnnx.diagnostics._weights import weights
from rnnx.numerics import log10_norm
from rnnx.types import Array, GradientFlow, Histogram

TAGS = (
    Tag(
        "weight_gradient/<parameter>/log10_norm", "log10", "‖∂L/∂W‖ of each parameter array of the cell", headline=True
    ),
)


def weight_gradient(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """log10 ‖∂L/∂W‖ (Frobenius) of each parameter array of the cell.

    That this is not zero does not rule out vanishing: it is a sum over steps, which the most recent ones can carry
    alone. Look at `state_gradient` for that. Tags: `weight_gradient/<parameter>/log10_norm`. Cost: none beyond the
    shared backward pass.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 4, 3))
    >>> def measure(params):
    ...     return weight_gradient(rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum()))
    >>> sorted(jax.jit(measure)(params))
    ['weight_gradient/bias/log10_norm',
     'weight_gradient/input_kernel/log10_norm',
     'weight_gradient/recurrent_kernel/log10_norm']
    """
    gradients = weights(flow.param_gradients)
    return {f"weight_gradient/{name}/log10_norm": log10_norm(gradient.ravel()) for name, gradient in gradients.items()}
