"""Loss against training step, beside the loss of a predictor without memory."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.report import style, titles
from rnnx.report.spread import over_steps, spread
from rnnx.report.study import Study

_ROWS = {"train/loss": "training", "heldout/loss": "held out"}
_LOG_FROM = 30.0  # from this ratio of the largest to the smallest loss on, a linear axis hides the small ones


def draw(study: Study, task: str) -> Figure:
    """Rows training and held-out loss, columns lengths."""
    lengths = study.lengths(task)
    title = titles.title(f"{task}: loss", study.groups_of(task))
    made, panels = style.grid(title, 2, len(lengths), sharex=True, sharey=True)
    looks = {variant: style.looks(study.variants)[variant] for variant in study.variants_of(task)}
    unit = next(group.trials[0].loss_unit for group in study.groups_of(task))
    losses = []
    for row, (tag, name) in zip(panels, _ROWS.items(), strict=True):
        for axes, length in zip(row, lengths, strict=True):
            for group in study.groups_of(task, length):
                steps, values = over_steps(group.trials, tag)
                style.line(axes, steps, spread(values), looks[group.variant])
                style.reference(axes, group.trials[0].floor, "--")
                losses += [value for value in values.ravel() if np.isfinite(value)]
            axes.set(title=f"T = {length}, {name}", xlabel="training step", ylabel=unit)
            axes.label_outer()
    if losses and min(losses) > 0 and max(losses) > _LOG_FROM * min(losses):
        panels[0, 0].set_yscale("log")
    style.legend(made, looks, {"no memory": "--"})
    return made
