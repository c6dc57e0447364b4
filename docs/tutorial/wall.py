"""Pascanu's wall: why gradients are clipped.

    x_t = w σ(x_{t-1}) + b,   x_0 = 1/2,   E(w, b) = (σ(x_50) − 0.7)²

A network of one unit without input. Where w and b take it across a bifurcation, the state after 50 steps jumps from one
fixed point to another, and the error has a cliff: hundreds of times steeper than its median slope. An ordinary gradient
step that meets it is thrown far away; a clipped one keeps the direction and a length for which the gradient is still
worth something. `python docs/tutorial/wall.py` draws `wall.png` beside this file. Source: Pascanu, Mikolov & Bengio
2013, "On the difficulty of training recurrent neural networks", figure 6.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report.figures import _style
from rnnx.types import Array

TARGET = 0.7
W_RANGE = (4.0, 7.0)
B_RANGE = (-4.0, 0.0)
_LEARNING_RATE = 0.5
_CLIP_NORM = 1.0


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
    """The error over the window of the paper, and the steepest point on it, with a gradient step from it.

    Returns:
      `w [points]`, `b [points]`, `error [points, points]` with rows b and columns w,
      `log10_slope` (log10 of the gradient's norm, likewise), and of the steepest point `start [2]` (w, b) and
      `gradient [2]`.

    >>> found = landscape(points=31)
    >>> found["error"].shape, bool(found["log10_slope"].max() > 0)
    ((31, 31), True)
    """
    w, b = jnp.linspace(*W_RANGE, points), jnp.linspace(*B_RANGE, points)
    everywhere = jnp.meshgrid(w, b)
    by_w, by_b = slope(everywhere[0], everywhere[1], steps)
    norm = jnp.hypot(by_w, by_b)
    row, column = jnp.unravel_index(jnp.argmax(norm), norm.shape)
    return {
        "w": w,
        "b": b,
        "error": error(everywhere[0], everywhere[1], steps),
        "log10_slope": jnp.log10(norm),
        "start": jnp.stack([w[column], b[row]]),
        "gradient": jnp.stack([by_w[row, column], by_b[row, column]]),
    }


def draw(values: dict[str, Array]) -> Figure:
    """Surface beside contours, and a gradient step clipped and not, from what `landscape` gives."""
    w, b, error, start, gradient = (
        np.asarray(values[name], float) for name in ("w", "b", "error", "start", "gradient")
    )
    made = _style.figure(_style.WIDTH, 5.4)
    made.suptitle("Pascanu's wall: the error of one unit, x$_t$ = w σ(x$_{t-1}$) + b, after 50 steps", fontsize=11.5)
    surface = made.add_subplot(1, 2, 1, projection="3d")
    surface.plot_surface(*np.meshgrid(w, b), error, cmap="cividis", rcount=len(b), ccount=len(w), antialiased=False)
    surface.view_init(elev=30, azim=50)
    surface.set_box_aspect(None, zoom=0.85)  # room for the label of the upright axis
    surface.set(xlabel="w", ylabel="b", zlabel="error E")
    flat = made.add_subplot(1, 2, 2)
    colors = flat.pcolormesh(w, b, error, cmap="cividis", rasterized=True)
    made.colorbar(colors, ax=flat, label="error E = (σ(x$_{50}$) − 0.7)²")
    flat.set(xlabel="w", ylabel="b", xlim=(w[0], w[-1]), ylim=(b[0], b[-1]))
    _steps(flat, start, gradient)
    return made


def _steps(axes: Axes, start: np.ndarray, gradient: np.ndarray) -> None:
    """Both steps go the same way; one that leaves the picture ends at its edge."""
    norm = float(np.hypot(*gradient))
    direction = -gradient / norm
    edges = np.array([axes.get_xlim(), axes.get_ylim()])
    with np.errstate(divide="ignore"):
        to_edge = np.abs((np.where(direction > 0, edges[:, 1], edges[:, 0]) - start) / direction).min()
    steps = {"--": ("not clipped", norm), "-": (f"clipped to a norm of {_CLIP_NORM:g}", min(norm, _CLIP_NORM))}
    for linestyle, (name, size) in steps.items():
        length = _LEARNING_RATE * size
        leaves = ", out of the picture" if length > to_edge else ""
        path = np.transpose([start, start + direction * min(length, to_edge)])
        axes.plot(*path, color="white", linewidth=5, solid_capstyle="butt")
        label = f"{name}: length {length:.3g}{leaves}"
        axes.plot(*path, color="black", linewidth=2, linestyle=linestyle, label=label)
        tip = path[:, 1]
        head = {"arrowstyle": "-|>", "color": "black", "mutation_scale": 22}
        axes.annotate("", tuple(tip), tuple(tip - 0.01 * direction), arrowprops=head)
    axes.plot(*start, "o", color="black", markerfacecolor="white", markersize=9)
    axes.legend(title=f"gradient step, learning rate {_LEARNING_RATE:g}", loc="lower left")


if __name__ == "__main__":
    Path(__file__).with_suffix(".png").write_bytes(_style.png(draw(landscape()), dpi=80))
