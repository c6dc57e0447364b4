"""All variants at one length in one picture: the gradient against lag, before and after training."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles
from rnnx.report.figures.state_gradient import relative
from rnnx.report.study import Study

_LOWEST, _HIGHEST = -10.0, 2.0
"""The same in every picture, so that they can be held against each other, and as in those of single trials."""

_REACH = -2.0


def draw(study: Study, task: str, length: int) -> Figure | None:
    """A panel before and one after training; `None` where nothing was measured."""
    groups = study.groups_of(task, length)
    styles = _style.variant_styles(study)
    made = _style.figure(12, 7.5)
    made.suptitle(f"{task}, T = {length}: how far back the gradient reaches", fontsize=13)
    drawn = {}
    panels = made.subplots(1, 2, sharey=True)
    for axes, (stage, label) in zip(panels, _titles.stage_labels(groups).items(), strict=True):
        _style.reference(axes, 0.0, "-")
        _style.reference(axes, _REACH, "--")
        for group in groups:
            if any(trial.against_time for trial in group.trials):
                continue  # of these lag tells no distance from the loss
            curves = np.array([relative(getattr(trial, stage), length) for trial in group.trials])
            if not np.isnan(curves).all():
                drawn[group.variant] = styles[group.variant]
                _style.seeds(axes, np.arange(length), curves, styles[group.variant])
        axes.set(
            title=label,
            xlabel=_titles.lag(groups),
            xlim=(0, max(length - 1, 1)),
            ylim=(_LOWEST, _HIGHEST),
        )
        axes.grid(alpha=0.3)
        axes.label_outer()
    panels[0].set_ylabel("log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖")
    _style.legend(made, drawn, {"1 % left: the reach": "--"})
    return made if drawn else None
