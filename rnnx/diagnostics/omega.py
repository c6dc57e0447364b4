"""Ω: how far the gradient's norm is from being kept at each step; see `rnnx.dynamics.regularizers`."""

from rnnx.diagnostics._carry import carry_gradients
from rnnx.diagnostics._tags import Tag
from rnnx.dynamics.jacobians import check_stepped
from rnnx.dynamics.regularizers import omega_regulariser
from rnnx.types import Array, GradientFlow, Histogram

TAGS = (
    Tag(
        "omega/value",
        "",
        "Ω = Σ (‖δ_t J_t‖² / ‖δ_t‖² − 1)², mean over the examples: 0 where the norm of the gradient is kept at each "
        "step",
        headline=True,
    ),
)


def omega(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """Ω with squared norms, the mean over the examples of its sum over steps: 0 where the gradient keeps its norm.

    Tag: `omega/value`. Cost: the derivative of one step, at all steps at once.

    Raises:
      ValueError: a cell that can't be stepped.

    >>> import jax.numpy as jnp, jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8, activation="identity")  # with orthogonal weights
    >>> params = cell.init(jax.random.key(0), 3)
    >>> def run(params):
    ...     return rnnx.gradient_flow(cell, params, jnp.ones((20, 4, 3)), lambda ys: ys[-1].sum())
    >>> found = jax.jit(run)(params)
    >>> bool(omega(found)["omega/value"] < 1e-9)
    True
    """
    check_stepped("omega", flow.cell)
    return {"omega/value": omega_regulariser(flow.cell, flow.params, flow.inputs, flow.after, carry_gradients(flow))}
