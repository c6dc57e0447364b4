"""What mean-field theory says of a wide random network, beside the measured gradient: `rnnx.dynamics.mean_field`."""

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.diagnostics._tags import Tag
from rnnx.dynamics.mean_field import mean_field_theory
from rnnx.types import Array, Cell, Dense, GradientFlow, Params

TAGS = (
    Tag(
        "mean_field/rate",
        "nats per step",
        "what theory says of a wide random network with such weights, for cells with one activation: ½ ln χ₁",
        headline=True,
    ),
    Tag("mean_field/depth_scale", "steps", r"1/\|ln χ₁\|, what theory says of how far such a network reaches"),
    Tag("mean_field/variance", "", "q*, what theory says of the variance of a pre-activation"),
)


def mean_field(flow: GradientFlow) -> dict[str, Array]:
    """The theory for the weights and inputs of a cell; nothing for cells to which it does not apply.

    It applies to h_t = φ(x_t W + h_{t-1} U + b) with one elementwise φ, which is found out by trying the cell. σ_w² is
    H times the mean square of U, σ_in² the mean square of x_t W + b over steps, examples and units. Trained weights are
    not independent, and b is not new at each step: there the theory is what to compare with, not what to expect.

    Tags: `mean_field/rate` (½ ln χ₁, nats per step, to be compared with `state_gradient/state/decay_rate`),
    `mean_field/depth_scale` (steps), `mean_field/variance` (q*). Cost: as `mean_field_theory`.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=64, recurrent_initializer="gaussian(0.5)")
    >>> params = cell.init(jax.random.key(0), 3)
    >>> def measure(params):
    ...     return mean_field(rnnx.gradient_flow(cell, params, jax.numpy.zeros((5, 4, 3)), lambda ys: ys[-1].sum()))
    >>> measured = jax.jit(measure)(params)
    >>> bool(abs(measured["mean_field/rate"] - jax.numpy.log(0.5)) < 0.05)  # without input h = 0, and χ₁ = σ_w²
    True
    """
    cell, params, xs, last = flow.cell, flow.params, flow.inputs, flow.last
    form = cell.form
    if not (isinstance(form, Dense) and _one_activation(cell, form, params, xs)):
        return {}
    W = form.recurrent(params)
    added = form.project(params, xs)
    counted = (jnp.arange(len(xs), dtype=last.dtype)[:, None] <= last)[..., None]
    theory = mean_field_theory(
        lambda a: _activation(cell, form, params, a),
        len(W) * jnp.mean(jnp.square(W)),
        jnp.mean(jnp.square(added), where=counted),
    )
    return {
        "mean_field/rate": theory.rate,
        "mean_field/depth_scale": theory.depth_scale,
        "mean_field/variance": theory.variance,
    }


def _activation(cell: Cell, form: Dense, params: Params, a: Array) -> Array:
    """φ(a) `[n]`, computed by all units, H numbers at a time."""
    n, H = len(a), form.recurrent(params).shape[0]
    rows = jnp.pad(a, (0, -n % H)).reshape(-1, H)
    state = cell.initial_state(params, rows.shape[:1])
    return form.hidden(params, form.pointwise(params, state, rows, jnp.zeros_like(rows))).ravel()[:n]


def _one_activation(cell: Cell, form: Dense, params: Params, xs: Array) -> bool:
    """Whether the cell is h_t = φ(gx + gh), unit by unit: tried with made-up parameters, states and sums.

    What unit i makes of gx_i + gh_i must be what every unit makes of a_i = gx_i + gh_i, wherever it comes from,
    whatever the other units have and whatever the state was.
    """
    H, G = jax.eval_shape(form.recurrent, params).shape
    if H != G:
        return False
    rng = np.random.default_rng(0)

    def made_up(shapes: Params) -> Params:
        return jax.tree.map(lambda p: jnp.asarray(rng.standard_normal(p.shape), p.dtype), shapes)

    with jax.ensure_compile_time_eval():
        params = made_up(params)
        state = made_up(cell.initial_state(params, ()))
        # Multiples of 1/8, whose sums are exact.
        a, gh = (jnp.asarray(rng.integers(-16, 17, H) / 8, xs.dtype) for _ in range(2))
        together = form.hidden(params, form.pointwise(params, state, a - gh, gh))
        zero = cell.initial_state(params, (H,))
        alike = jnp.broadcast_to(a[:, None], (H, H))
        alone = form.hidden(params, form.pointwise(params, zero, alike, jnp.zeros_like(alike)))
        return bool(jnp.allclose(alone, together[:, None], rtol=1e-4, atol=1e-4))
