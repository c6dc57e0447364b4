"""What a curve over lag says in one number, against the length of the sequence: horizon and decay rate."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles
from rnnx.report.statistics import median_range
from rnnx.report.study import Study
from rnnx.report.trial import number

TITLE = "Horizon and decay rate against length"

CAPTION = """
Each curve over lag in one number: the <strong>horizon</strong>, the largest lag with at least 1/e of the gradient at
lag 0 (dashed: the whole sequence), and the <strong>decay rate</strong>, the slope of
ln&nbsp;&Vert;&part;L/&part;s<sub>T&minus;k</sub>&Vert; over k (dotted: no decay; below it the gradient vanishes,
above it, it grows). Points are medians over seeds, bars go from the lowest to the highest seed; points of one length
are drawn side by side. A horizon of 0 can go with a slow decay: an LSTM may lose most of the gradient in the first
step back, on the way from h to c, and keep the rest for long.
"""

ORDER = 50

_ROWS = {"horizon": "horizon (steps)", "decay_rate": "decay rate (nats per step)"}


def draw(study: Study, task: str) -> Figure:
    """Rows horizon and decay rate, columns before and after training; bars are the range over seeds."""
    title = _titles.title(f"{task}: horizon and decay rate against length", study.groups_of(task))
    made, panels = _style.grid(title, 2, 2, row_height=2.9, sharex=True, sharey="row")
    lengths = study.lengths(task)
    variants = study.variants_of(task)
    line_styles = {variant: _style.variant_styles(study)[variant] for variant in variants}
    for row, (measure, quantity) in zip(panels, _ROWS.items(), strict=True):
        for axes, (stage, label) in zip(row, _titles.stage_labels(study.groups_of(task)).items(), strict=True):
            for index, variant in enumerate(variants):
                aside = 2 ** (0.06 * (index - (len(variants) - 1) / 2))  # so that equal values are seen side by side
                _variant(axes, study, task, variant, measure, stage, aside, line_styles[variant])
            _length_axis(axes, lengths)
            axes.set(title=label, xlabel="length T (steps)", ylabel=quantity)
            axes.label_outer()
    for axes in panels[0]:
        axes.plot(lengths, np.array(lengths) - 1, color="0.35", linewidth=1.0, linestyle="--")
    ticks = [0, *(2**power for power in range(lengths[-1].bit_length()))]
    panels[0, 0].set_yscale("symlog", base=2, linthresh=1)
    panels[0, 0].set_yticks(ticks, [str(tick) for tick in ticks])
    panels[0, 0].set_ylim(-0.3, 1.4 * lengths[-1])
    for axes in panels[1]:
        _style.reference(axes, 0.0, ":")
        axes.margins(y=0.1)
    _style.legend(made, line_styles, {"whole sequence, T − 1": "--", "no decay": ":"})
    return made


def _variant(
    axes: Axes, study: Study, task: str, variant: str, measure: str, stage: str, aside: float, style: _style.LineStyle
) -> None:
    groups = sorted((g for g in study.groups_of(task) if g.variant == variant), key=lambda group: group.length)
    tag = f"state_gradient/state/{measure}"
    ranges = [median_range([number(getattr(trial, stage), tag) for trial in group.trials]) for group in groups]
    middle, low, high = (np.array(values, float) for values in zip(*ranges, strict=True))
    axes.errorbar(
        [group.length * aside for group in groups],
        middle,
        yerr=(middle - low, high - middle),
        color=style.color,
        linestyle=style.linestyle,
        marker=style.marker,
        capsize=3,
    )


def _length_axis(axes: Axes, lengths: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(lengths, [str(length) for length in lengths])
    axes.set_xlim(lengths[0] / 1.3, lengths[-1] * 1.3)
    axes.minorticks_off()
