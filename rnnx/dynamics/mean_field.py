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

from rnnx import checks
from rnnx.dynamics.jacobians import flat_step, push
from rnnx.norm import norm
from rnnx.types import Array, Cell

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

    The integrals are sums over points z that lie closer and closer towards 0: where √q* is large φ changes there, and
    nowhere else. For tanh, gains from 0.1 to 20 and σ_in² up to 400 the rate is right within 1e-4, as for any φ that is
    smooth on either side of 0; a corner elsewhere may cost 0.02. q* is found by iterating its equation, from
    σ_w² + σ_in², until it stands still or for 10 000 steps. (At the transition, σ_w² = 1 without input for tanh, it
    never does.)

    Args:
      activation: φ, elementwise.
      weight_variance: σ_w² = H · Var W_ij, the square of the gain.
      input_variance: σ_in², of what is added to W h_{t-1} (input and bias), new at each step.

    Returns:
      `MeanField(variance, slope, depth_scale, rate)`.

    Cost: some ten to some hundred evaluations of φ at 1504 points, and many more close to the transition.

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
    """Points and weights of ∫Dz: the trapezoidal rule in u, with z = ± ln(1 + e^u), which leaves 0 out.

    Near 0 the points are a factor of e^(1/16) apart, so that a step of φ is seen whatever its width, and far out 1/16.
    """
    u = np.arange(-37, 10, 1 / 16)  # from where z is but rounding to where its weight is
    z = np.log1p(np.exp(u))
    weight = np.exp(-np.square(z) / 2) / (1 + np.exp(-u))  # dz/du = 1 / (1 + e^-u)
    return np.concatenate([-z, z]), np.concatenate([weight, weight]) / (2 * weight.sum())


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
        length = norm(pushed)
        return (s, pushed[:, 0] / jnp.where(length == 0, 1, length)), jnp.log(length)

    v = jax.random.normal(direction_key, (batch_size, flat.size), flat.dtype)
    start = (flat.pack(state), v / jnp.linalg.norm(v, axis=-1, keepdims=True))
    _, growth = jax.lax.scan(advance, start, jax.random.split(key, transient + steps))
    return jnp.mean(growth[transient:])
