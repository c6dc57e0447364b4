"""Pascanu's wall: why gradients are clipped.

    x_t = w σ(x_{t-1}) + b,   x_0 = 1/2,   E(w, b) = (σ(x_50) − 0.7)²

A network of one unit without input. Where w and b take it across a bifurcation, the state after 50 steps jumps from one
fixed point to another, and the error has a cliff: hundreds of times steeper than its median slope. An ordinary gradient
step that meets it is thrown far away; a clipped one keeps the direction and a length for which the gradient is still
worth something. Source: Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks",
figure 6.
"""

import jax
import jax.numpy as jnp

from rnnx.types import Array

TARGET = 0.7
W_RANGE = (4.0, 7.0)
B_RANGE = (-4.0, 0.0)


def error(w: Array, b: Array, steps: int = 50) -> Array:
    """E(w, b), elementwise in w and b; differentiable.

    Cost: one elementwise pass per step.

    >>> round(float(error(jnp.array(5.0), jnp.array(-3.0))), 4)
    0.4042
    """
    w, b = jnp.broadcast_arrays(w, b)
    start = jnp.full_like(w, 0.5)
    x, _ = jax.lax.scan(lambda x, _: (w * jax.nn.sigmoid(x) + b, None), start, length=steps)
    return jnp.square(jax.nn.sigmoid(x) - TARGET)


def slope(w: Array, b: Array, steps: int = 50) -> tuple[Array, Array]:
    """(∂E/∂w, ∂E/∂b), elementwise in w and b. Cost: about three times that of `error`."""
    return jax.grad(lambda w, b: jnp.sum(error(w, b, steps)), argnums=(0, 1))(w, b)


def landscape(points: int = 121, steps: int = 50) -> dict[str, Array]:
    """The error over the window of the paper, and the steepest point on it, as a measurement.

    Returns:
      `wall/w [points]`, `wall/b [points]`, `wall/error [points, points]` with rows b and columns w,
      `wall/log10_slope` (log10 of the gradient's norm, likewise), and of the steepest point `wall/start [2]` (w, b) and
      `wall/gradient [2]`.

    >>> found = landscape(points=31)
    >>> found["wall/error"].shape, bool(found["wall/log10_slope"].max() > 0)
    ((31, 31), True)
    """
    w, b = jnp.linspace(*W_RANGE, points), jnp.linspace(*B_RANGE, points)
    everywhere = jnp.meshgrid(w, b)
    by_w, by_b = slope(everywhere[0], everywhere[1], steps)
    norm = jnp.hypot(by_w, by_b)
    row, column = jnp.unravel_index(jnp.argmax(norm), norm.shape)
    return {
        "wall/w": w,
        "wall/b": b,
        "wall/error": error(everywhere[0], everywhere[1], steps),
        "wall/log10_slope": jnp.log10(norm),
        "wall/start": jnp.stack([w[column], b[row]]),
        "wall/gradient": jnp.stack([by_w[row, column], by_b[row, column]]),
    }
