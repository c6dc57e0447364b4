"""Pascanu's wall: the error of one unit as a surface with a cliff, and a gradient step from it, clipped and not."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report import style
from rnnx.report.study import Study, having

_ERROR = "wall/error"
_TITLE = "Pascanu's wall: the error of one unit, x$_t$ = w σ(x$_{t-1}$) + b, after 50 steps"
_LEARNING_RATE = 0.5
_CLIP_NORM = 1.0


def draw(study: Study, task: str) -> Figure | None:
    """The wall, where an analysis of one of the task's trials has it; it is the same for all."""
    found = [trial.analysis for group in having(study.groups_of(task), _ERROR) for trial in group.trials]
    return draw_one(found[0], _TITLE) if found else None


def draw_one(values: dict[str, Any], title: str) -> Figure | None:
    """Surface beside contours, from what `rnnx.wall.landscape` gives."""
    if _ERROR not in values:
        return None
    w, b, error, start, gradient = (
        np.asarray(values[f"wall/{name}"], float) for name in ("w", "b", "error", "start", "gradient")
    )
    made = style.figure(style.WIDTH, 5.4)
    made.suptitle(title, fontsize=11.5)
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
