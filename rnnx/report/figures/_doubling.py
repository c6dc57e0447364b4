"""A loss against lengths that double: what the figures of readings that have such share."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from rnnx.report.figures import _style, _titles
from rnnx.report.statistics import of_seeds
from rnnx.report.study import Study, with_tag
from rnnx.report.trial import Record


def panels(
    study: Study,
    task: str,
    tags: tuple[str, str],
    *,
    subject: str,
    length_is: str,
    xlabel: str,
    beside: Callable[[Axes, Record], None] | None = None,
    references: dict[str, Any] | None = None,
) -> Figure | None:
    """A panel for each length of training, a line for each variant; `None` where nothing was measured.

    Args:
      study, task: what is drawn.
      tags: of the lengths, and of the losses.
      subject: what the title says beside the task and when it was measured.
      length_is: what the title of a panel begins with, before the length.
      xlabel: of the lengths.
      beside: draws what else a record has of each variant.
      references: what that means, as of `_style.legend`.
    """
    x, loss = tags
    groups = [group for group in with_tag(study.groups_of(task), loss) if any(loss in t.latest for t in group.trials)]
    if not groups:
        return None
    lengths = sorted({group.length for group in groups})
    stage = _titles.stage_labels(groups, loss)["latest"]
    title = _titles.title(f"{task}: {subject}, {stage}", groups)
    made, axes_of = _style.grid(title, 1, len(lengths), row_height=3.4, sharey=True)
    shown = {group.variant for group in groups}
    line_styles = {variant: style for variant, style in _style.variant_styles(study).items() if variant in shown}
    for axes, length in zip(axes_of[0], lengths, strict=True):
        for group in groups:
            losses = of_seeds(group.trials, "latest", loss) if group.length == length else None
            if losses is not None:
                record = next(trial.latest for trial in group.trials if loss in trial.latest)
                _style.seeds(axes, np.asarray(record[x], float), losses, line_styles[group.variant], markers=20)
                if beside:
                    beside(axes, record)
        axes.set(title=f"{length_is} {length}", ylabel=groups[0].trials[0].loss_unit)
        double(axes, xlabel)
        axes.label_outer()
    _style.label_ends(axes_of[:, -1], line_styles)
    _style.legend(made, line_styles, references)
    return made


def double(axes: Axes, xlabel: str) -> None:
    """An axis on which a doubling takes the same room everywhere."""
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel(xlabel)
