"""Mean-field theory: what the gradient of a wide random network must do, with which the measured one is compared.

In h_t = φ(W h_{t-1} + input), with independent W_ij of variance σ_w² / H and H → ∞, the sums before φ are normal. Their
variance q and the factor χ₁ by which E ‖δ‖² changes in a step are

    q* = σ_w² ∫Dz φ(√q* z)² + σ_in²        χ₁ = σ_w² ∫Dz φ'(√q* z)²        Dz = exp(-z²/2) dz / √2π

so that E ‖δ_{T-k}‖² ∝ χ₁^k (Sompolinsky, Crisanti & Sommers 1988; Poole et al. 2016; Chen, Pennington & Schoenholz
2018). Gated cells have no such closed form here. For them there is a simulation of the same approximation, in which the
weights are drawn anew at every step (Gilboa et al. 2019).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import roots_hermitenorm

from rnnx import checks
from rnnx.diagnostics._jacobian import flat_step, push
from rnnx.types import Array, Cell, Dense, Evidence, Params

_POINTS = 256
_ITERATIONS = 10_000


class MeanField(NamedTuple):
    """What the theory says of one network; scalars."""

    variance: Array
    """q*, the variance of the sums before the activation; inf where they grow without limit."""
    slope: Array
    """χ₁, the factor by which the expected squared norm of the gradient changes in a step."""
    depth_scale: Array
    """1 / |ln χ₁|, steps in which it changes by a factor of e; inf where χ₁ = 1."""
    rate: Array
    """½ ln χ₁, nats per step of ‖δ‖: negative where it vanishes."""


def mean_field_theory(
    activation: Callable[[Array], Array], weight_variance: Array | float, input_variance: Array | float
) -> MeanField:
    """q*, χ₁, depth scale and rate of a wide network h_t = φ(W h_{t-1} + input).

    The integrals are Gauss-Hermite sums; q* is found by iterating its equation, from σ_w² + σ_in², until it stands
    still or for 10 000 steps. (At the transition, σ_w² = 1 without input for tanh, it never does.)

    Args:
      activation: φ, elementwise.
      weight_variance: σ_w² = H · Var W_ij, the square of the gain.
      input_variance: σ_in², of what is added to W h_{t-1} (input and bias), new at each step.

    Returns:
      `MeanField(variance, slope, depth_scale, rate)`.

    Cost: some ten to some hundred evaluations of φ at 150 points, and many more close to the transition.

    >>> import jax
    >>> theory = mean_field_theory(jax.numpy.tanh, weight_variance=2.0**2, input_variance=0.0)
    >>> print(f"{theory.variance:.4f} {theory.slope:.4f}")  # chaos: gradients explode
    2.1215 1.3627
    """
    dtype = jnp.result_type(weight_variance, input_variance, float)
    weight_variance, input_variance = jnp.asarray(weight_variance, dtype), jnp.asarray(input_variance, dtype)
    z, weight = (jnp.asarray(a, dtype) for a in _quadrature())

    def next_variance(q: Array) -> Array:
        return weight_variance * jnp.sum(weight * jnp.square(activation(jnp.sqrt(q) * z))) + input_variance

    def moving(carry: tuple[Array, Array, Array]) -> Array:
        before, q, steps = carry
        return (jnp.abs(q - before) > 2 * jnp.finfo(q.dtype).eps * q) & (steps < _ITERATIONS)

    first = weight_variance + input_variance
    _, q, _ = jax.lax.while_loop(
        moving,
        lambda carry: (carry[1], next_variance(carry[1]), carry[2] + 1),
        (first, next_variance(first), jnp.ones((), int)),
    )
    at = jnp.sqrt(jnp.maximum(q, jnp.finfo(dtype).tiny)) * z  # an activation with a corner has no slope at 0 itself
    _, slopes = jax.jvp(activation, (at,), (jnp.ones_like(at),))
    slope = weight_variance * jnp.sum(weight * jnp.square(slopes))
    return MeanField(variance=q, slope=slope, depth_scale=1 / jnp.abs(jnp.log(slope)), rate=jnp.log(slope) / 2)


def _quadrature() -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of ∫Dz; those whose weight is nothing even in float32 left out."""
    z, weight = roots_hermitenorm(_POINTS)
    weight = weight / weight.sum()
    return z[weight > 1e-35], weight[weight > 1e-35]


def mean_field(evidence: Evidence) -> dict[str, Array]:
    """The theory for the weights and inputs of the evidence; nothing for cells to which it does not apply.

    It applies to h_t = φ(x_t W + h_{t-1} U + b) with one elementwise φ, which is found out by trying the cell. σ_w² is
    H times the mean square of U, σ_in² the mean square of x_t W + b over steps, examples and units. Trained weights are
    not independent, and b is not new at each step: there the theory is what to compare with, not what to expect.

    Tags: `mean_field/rate` (½ ln χ₁, nats per step, to be compared with `state_gradient/state/decay_rate`),
    `mean_field/depth_scale` (steps), `mean_field/variance` (q*). Cost: as `mean_field_theory`, times H.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=64, recurrent_initializer="gaussian(0.5)")
    >>> params = cell.init(jax.random.key(0), 3)
    >>> measured = mean_field(rnnx.evidence(cell, params, jax.numpy.zeros((5, 4, 3)), lambda ys: ys[-1].sum()))
    >>> bool(abs(measured["mean_field/rate"] - jax.numpy.log(0.5)) < 0.05)  # without input h = 0, and χ₁ = σ_w²
    True
    """
    cell, params, xs, last, _, _ = evidence
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
    """φ(a) `[n]`, as the first unit computes it."""
    H = form.recurrent(params).shape[0]
    alike = jnp.broadcast_to(a[:, None], (*a.shape, H))
    state = cell.initial_state(params, a.shape)
    return form.hidden(params, form.pointwise(params, state, alike, jnp.zeros_like(alike)))[:, 0]


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


def annealed_rate(
    cell: Cell,
    key: Array,
    input_size: int,
    *,
    steps: int = 200,
    transient: int = 50,
    batch_size: int = 8,
    input_scale: float = 1.0,
) -> Array:
    """The rate of mean-field theory for any cell, by simulation with parameters drawn anew at every step.

    A small change of the state is carried along, ‖J_t v‖ / ‖v‖ being averaged in log space. For wide `rnn` it is
    ½ ln χ₁, which is also the rate of a network that has the same weights at every step. For cells that hand their
    state on beside W, as gates do, it is not quite: what has passed J_t has W in common with J_{t+1}, so that
    h ← f h + W h gains ln(f + σ_w) a step with one W, and ½ ln(f² + σ_w²) with W drawn anew. The approximation is good
    where the inputs decide and W adds little (Gilboa et al. 2019), and too low otherwise.

    Args:
      cell: a cell that can be stepped; its `init` says how parameters are drawn.
      key: the source of randomness.
      input_size: I.
      steps, transient: as many steps are averaged over, after as many that are not.
      batch_size: examples with inputs of their own; parameters are the same for all.
      input_scale: standard deviation of the inputs, which are normal and independent.

    Returns:
      A scalar, nats per step; negative where gradients vanish.

    Raises:
      ValueError: a cell that can't be stepped; a size that is not a positive whole number.

    Cost: per step one `init`, one step of the batch and its derivative.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=64, recurrent_initializer="gaussian(0.5)")
    >>> rate = annealed_rate(cell, jax.random.key(0), 4, steps=20, transient=5, input_scale=0.0)
    >>> bool(abs(rate - jax.numpy.log(0.5)) < 0.05)
    True
    """
    checks.size("steps", steps)
    checks.size("transient", transient, least=0)
    checks.size("batch_size", batch_size)
    checks.number("input_scale", input_scale)
    start_key, direction_key, key = jax.random.split(key, 3)
    params = cell.init(start_key, input_size)
    state = cell.initial_state(params, (batch_size,))
    flat, _ = flat_step("annealed_rate", cell, params, state, 1)

    def advance(carry: tuple[Array, Array], key: Array) -> tuple[tuple[Array, Array], Array]:
        s, v = carry
        params_key, input_key = jax.random.split(key)
        _, step = flat_step("annealed_rate", cell, cell.init(params_key, input_size), state, 1)
        x = input_scale * jax.random.normal(input_key, (batch_size, input_size), s.dtype)
        s, pushed = push(step, s, x, v[:, None])
        length = jnp.linalg.norm(pushed, axis=-1)
        return (s, pushed[:, 0] / jnp.where(length == 0, 1, length)), jnp.log(length)

    v = jax.random.normal(direction_key, (batch_size, flat.size), flat.dtype)
    start = (flat.pack(state), v / jnp.linalg.norm(v, axis=-1, keepdims=True))
    _, growth = jax.lax.scan(advance, start, jax.random.split(key, transient + steps))
    return jnp.mean(growth[transient:])
