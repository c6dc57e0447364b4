"""How the reach of the gradient changes while a network learns: its norm over lag and training step."""

import textwrap

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles
from rnnx.report.statistics import median_range, over_steps
from rnnx.report.study import Group, Study

TITLE = "The gradient while the network learns"

CAPTION = """
log<sub>10</sub> of the norm of &part;L/&part;h<sub>T&minus;k</sub> (not relative to lag 0), with lag k upwards and
training to the right; median over seeds; one colour scale for the whole figure. Bright up to the top: the gradient
reaches the first step of the sequence. The darkest colour is at least ten powers of ten below the brightest, light
grey is exactly zero, below the smallest float32 number. For cells without an h: the whole state.
"""

ORDER = 40

_DECADES = 10.0  # what is smaller than the largest value by more takes the darkest colour


def draw(study: Study, task: str) -> Figure:
    """Rows variants, columns lengths, one colour scale; median over seeds."""
    lengths, variants = study.lengths(task), study.variants_of(task)
    measured = {(group.variant, group.length): _measured(group) for group in study.groups_of(task)}
    scale = _scale([values for _, values in measured.values()])
    subject = f"{task}: the gradient with respect to the hidden state while the network learns"
    title = _titles.title(subject, study.groups_of(task), band=False)
    made, panels = _style.grid(title, len(variants), len(lengths), row_height=2.0, sharex=True, sharey="col")
    for row, variant in zip(panels, variants, strict=True):
        for axes, length in zip(row, lengths, strict=True):
            axes.grid(False)
            axes.set_facecolor("0.9")
            steps, values = measured.get((variant, length), (np.zeros(0), np.zeros((0, length))))
            if len(steps):
                lag_edges = np.arange(values.shape[-1] + 1) - 0.5  # an output may be shorter than the task's inputs
                axes.pcolormesh(_edges(steps), lag_edges, values.T, norm=scale, cmap="cividis", rasterized=True)
            axes.set(xlabel="training step", ylabel=f"{textwrap.fill(variant, 22)}\nlag k (steps)")
            axes.label_outer()
            axes.tick_params(labelleft=True)  # every column has its own lags
    for axes, length in zip(panels[0], lengths, strict=True):
        axes.set_title(f"T = {length}")
    colors = ScalarMappable(scale, matplotlib.colormaps["cividis"])
    made.colorbar(colors, ax=panels, extend="min", aspect=40, pad=0.01, label="log$_{10}$ ‖∂L/∂h$_{T-k}$‖")
    return made


def _measured(group: Group) -> tuple[np.ndarray, np.ndarray]:
    """Training steps `[n]` and log10 ‖∂L/∂h‖ (‖∂L/∂s‖ where there is no h), median over seeds, `[n, T]`."""
    tags = (f"state_gradient/{part}/log10_norm" for part in ("h", "state"))
    tag = next((tag for tag in tags if any(tag in trial.before for trial in group.trials)), "")
    steps, values = over_steps(group.trials, tag)
    return steps, median_range(values).median[..., : group.length]  # a tree has no lags beyond


def _scale(norms: list[np.ndarray]) -> Normalize:
    values = np.concatenate([np.zeros(0), *(values.ravel() for values in norms)])
    known = values[np.isfinite(values)]
    high = known.max() if len(known) else 0.0
    return Normalize(max(known.min(initial=high), high - _DECADES), high)


def _edges(steps: np.ndarray) -> np.ndarray:
    """Edges of columns around the steps at which there are measurements."""
    if len(steps) == 1:
        return steps[0] + np.array([-0.5, 0.5])
    middles = (steps[1:] + steps[:-1]) / 2
    return np.concatenate([steps[:1], middles, steps[-1:]])
