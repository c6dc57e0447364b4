"""How the reach of the gradient changes while a network learns: its norm over lag and training step."""

import textwrap

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles
from rnnx.report.figures.state_gradient import relative
from rnnx.report.statistics import median_range
from rnnx.report.study import Group, Study

TITLE = "The gradient while the network learns"

CAPTION = """
The norm of &part;L/&part;s<sub>T&minus;k</sub> over that at lag 0 as in the curves, with lag k upwards and training to
the right, a column for each measurement. Bright: all of the gradient is left; dark: a ten-thousandth or less of it;
light grey: exactly zero, below the smallest float32 number. Bright up to the top: the gradient reaches the first step
of the sequence. Below five seeds the first one is shown, else their median.
"""

ORDER = 40

_NORM = Normalize(-4, 0)
_TICKS = 5  # training steps that are told, at most


def draw(study: Study, task: str) -> Figure:
    """Rows variants, columns lengths, one colour scale."""
    lengths, variants = study.lengths(task), study.variants_of(task)
    measured = {(group.variant, group.length): _measured(group) for group in study.groups_of(task)}
    subject = f"{task}: how far back the gradient reaches while the network learns"
    title = _titles.title(subject, study.groups_of(task), few="the first seed", many="median over seeds")
    lag = _titles.lag(study.groups_of(task))
    made, panels = _style.grid(title, len(variants), len(lengths), row_height=2.0, sharey="col")
    for row, variant in zip(panels, variants, strict=True):
        for axes, length in zip(row, lengths, strict=True):
            axes.grid(False)
            axes.set_facecolor("0.9")
            steps, values = measured.get((variant, length), (np.zeros(0), np.zeros((0, length))))
            if len(steps):
                edges = np.arange(len(steps) + 1) - 0.5, np.arange(values.shape[-1] + 1) - 0.5
                axes.pcolormesh(*edges, values.T, norm=_NORM, cmap="cividis", rasterized=True)
            some = np.unique(np.linspace(0, len(steps) - 1, min(_TICKS, len(steps))).round().astype(int))
            axes.set_xticks(some, [f"{steps[n]:g}" for n in some])
            axes.set(xlabel="training step", ylabel=f"{textwrap.fill(variant, 22)}\n{lag}")
            axes.label_outer()
            axes.tick_params(labelleft=True)  # every column has its own lags
    for axes, length in zip(panels[0], lengths, strict=True):
        axes.set_title(f"T = {length}")
    colors = ScalarMappable(_NORM, matplotlib.colormaps["cividis"])
    label = "log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"
    made.colorbar(colors, ax=panels, extend="both", aspect=40, pad=0.01, label=label)
    return made


def _measured(group: Group) -> tuple[np.ndarray, np.ndarray]:
    """Training steps `[n]` and log10 of the gradient over that at lag 0, `[n, T]`."""
    trials = group.trials if len(group.trials) >= _style.ENOUGH_SEEDS else group.trials[:1]
    curves = [
        {record["step"]: relative(record, group.length) for record in trial.measured if _TAG in record}
        for trial in trials
    ]
    steps = sorted(set().union(*curves))
    nothing = np.full(group.length, np.nan)
    of_trials = [[curve.get(step, nothing) for step in steps] for curve in curves]
    return np.array(steps), median_range(of_trials).median


_TAG = "state_gradient/state/log10_norm"
