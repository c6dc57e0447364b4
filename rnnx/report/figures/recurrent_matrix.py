"""Eigenvalues of the recurrent matrix in the complex plane, beside the circle on which nothing is gained or lost."""

import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnx.report.figures import _trial
from rnnx.report.figures._style import LineStyle
from rnnx.report.trial import Record

SUBJECT = "eigenvalues of the recurrent matrix"
IN_TRAINING = False  # they take a decomposition of each block

CIRCLE = "0.35"
_TAG = "recurrent_matrix/{}/eigenvalues_{}"


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement, a panel a block, all to one scale."""
    blocks = eigenvalues(record)
    if not blocks:
        return None
    made, axes = _trial.panels(title, len(blocks), height=4.8, columns=2 if len(blocks) == 4 else 3)
    for one, (name, values) in zip(axes, blocks.items(), strict=True):
        complex_plane(one, {name: (values, LineStyle(_trial.color(record), "", "o"))})
        one.set_title(str(one.lines[-1].get_label()))
    side = max(one.get_xlim()[1] for one in axes)
    for one in axes:
        one.set(xlim=(-side, side), ylim=(-side, side))
    circle = Line2D([], [], color=CIRCLE, linestyle="--", label="unit circle: neither grows nor decays")
    made.legend(handles=[circle], loc="outside lower center", frameon=False)
    return made


def eigenvalues(record: Record) -> dict[str, np.ndarray]:
    """λ_i of each block, `[H]`, by what the block is called."""
    names = re.findall(f"^{_TAG.format('(.+)', 'real')}$", "\n".join(record), re.MULTILINE)

    def of(name: str) -> np.ndarray:
        real, imaginary = (np.asarray(record[_TAG.format(name, part)], float) for part in ("real", "imaginary"))
        values = np.empty(real.shape, complex)
        values.real, values.imag = real, imaginary  # a sum would make NaN of an infinite part
        return values

    return {name: of(name) for name in names}


def complex_plane(axes: Axes, blocks: dict[str, tuple[np.ndarray, LineStyle]]) -> None:
    """Eigenvalues of blocks in the complex plane with the unit circle, each labelled with its spectral radius."""
    around = np.linspace(0, 2 * np.pi, 181)
    axes.plot(np.cos(around), np.sin(around), "--", color=CIRCLE, linewidth=1.2, label="unit circle")
    distances = [1.0]
    for name, (values, style) in blocks.items():
        known = values[np.isfinite(values)]
        label = f"spectral radius {np.abs(values).max():.3g}"
        label = label if len(blocks) == 1 and name.isdigit() else f"{_called(name)}, {label}"
        (drawn,) = axes.plot(known.real, known.imag, style.marker, color=style.color, label=label)
        drawn.set(markersize=5, markerfacecolor="none")
        distances += np.abs(known).tolist()
    side = 1.12 * max(distances)
    axes.set(xlabel="real part of λ", ylabel="imaginary part of λ", xlim=(-side, side), ylim=(-side, side))
    axes.set_aspect("equal")


def _called(name: str) -> str:
    return f"block {name}" if name.isdigit() else name
