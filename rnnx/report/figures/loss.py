"""Loss against training step, beside the loss of a predictor without memory."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles
from rnnx.report.statistics import over_steps
from rnnx.report.study import Study

TITLE = "Loss"

CAPTION = """
Training loss (mean over the steps since the last record) and loss on one fixed held-out batch. The dashed line is a
predictor without memory: a network that stays there has learned nothing about the past. Losses of the first fifth of
training may lie above the axes.
"""

ORDER = 140

_ROWS = {"train/loss": "training", "heldout/loss": "held out"}
_LOG_FROM = 30.0  # from this ratio of the largest to the smallest loss on, a linear axis hides the small ones

_BEGINNING = 0.2
"""The share of training whose losses a linear axis need not show: those of the first steps would take most of it."""


def draw(study: Study, task: str) -> Figure:
    """Rows training and held-out loss, columns lengths."""
    lengths = study.lengths(task)
    title = _titles.title(f"{task}: loss", study.groups_of(task))
    made, panels = _style.grid(title, 2, len(lengths), sharex=True, sharey=True)
    line_styles = {variant: _style.variant_styles(study)[variant] for variant in study.variants_of(task)}
    unit = next(group.trials[0].loss_unit for group in study.groups_of(task))
    losses: list[float] = []
    later: list[float] = []
    for row, (tag, name) in zip(panels, _ROWS.items(), strict=True):
        for axes, length in zip(row, lengths, strict=True):
            for group in study.groups_of(task, length):
                steps, values = over_steps(group.trials, tag)
                _style.seeds(axes, steps, values, line_styles[group.variant])
                _style.reference(axes, group.trials[0].floor, "--")
                losses += [value for value in values.ravel() if np.isfinite(value)]
                settled = values[:, steps > _BEGINNING * steps[-1]] if len(steps) else values
                later += [value for value in (*settled.ravel(), group.trials[0].floor) if np.isfinite(value)]
            axes.set(title=f"T = {length}, {name}", xlabel="training step", ylabel=unit)
            axes.label_outer()
    if losses and min(losses) > 0 and max(losses) > _LOG_FROM * min(losses):
        panels[0, 0].set_yscale("log")
    elif later and max(later) - min(later) > 0:
        panels[0, 0].set_ylim(min(losses + later) - 0.05 * np.ptp(later), max(later) + 0.1 * np.ptp(later))
    _style.label_ends(panels[:, -1], line_styles)
    _style.legend(made, line_styles, {"no memory": "--"})
    return made
