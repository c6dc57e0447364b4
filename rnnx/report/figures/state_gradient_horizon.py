"""What a curve over lag says in one number, against the length of the sequence: reach and decay rate."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles
from rnnx.report.statistics import median_range
from rnnx.report.study import Group, Study
from rnnx.report.trial import number

TITLE = "Reach and decay rate against length"

CAPTION = """
Each curve over lag in one number: the <strong>reach</strong>, the largest lag with at least 1&nbsp;% of the gradient at
lag 0 (dashed: the whole sequence), and the <strong>decay rate</strong>, the slope of
ln&nbsp;&Vert;&part;L/&part;s<sub>T&minus;k</sub>&Vert; over k in nats per step (dotted: no decay; at &minus;0.1 a
factor e is lost in ten steps; above 0 the gradient grows). The <strong>horizon</strong> of the tables is the reach with
1/e in place of 1&nbsp;%; it can be 0 where the decay is slow: an LSTM may lose most of the gradient in the first step
back, on the way from h to c, and keep the rest for long. Points of one length are drawn side by side; bars, from five
seeds on, go from the lowest to the highest.
"""

ORDER = 50

_ROWS = {"reach": "reach (steps)", "decay_rate": "decay rate (nats per step)"}


def draw(study: Study, task: str) -> Figure:
    """Rows reach and decay rate, columns before and after training."""
    title = _titles.title(f"{task}: reach and decay rate against length", study.groups_of(task))
    made, panels = _style.grid(title, 2, 2, row_height=2.9, sharex=True, sharey="row")
    lengths = study.lengths(task)
    variants = study.variants_of(task)
    line_styles = {variant: _style.variant_styles(study)[variant] for variant in variants}
    for row, (measure, quantity) in zip(panels, _ROWS.items(), strict=True):
        for axes, (stage, label) in zip(row, _titles.stage_labels(study.groups_of(task)).items(), strict=True):
            for index, variant in enumerate(variants):
                aside = 2 ** (0.06 * (index - (len(variants) - 1) / 2))  # so that equal values are seen side by side
                groups = [group for group in study.groups_of(task) if group.variant == variant]
                _variant(axes, groups, f"state_gradient/state/{measure}", stage, aside, line_styles[variant])
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


def _variant(axes: Axes, groups: list[Group], tag: str, stage: str, aside: float, style: _style.LineStyle) -> None:
    groups = sorted(groups, key=lambda group: group.length)
    drawn = {"color": style.color, "linestyle": style.linestyle, "marker": style.marker}
    if min(len(group.trials) for group in groups) >= _style.ENOUGH_SEEDS:
        ranges = [median_range([number(getattr(trial, stage), tag) for trial in group.trials]) for group in groups]
        middle, low, high = (np.array(values, float) for values in zip(*ranges, strict=True))
        lengths = [group.length * aside for group in groups]
        axes.errorbar(lengths, middle, yerr=(middle - low, high - middle), capsize=3, **drawn)
        return
    of_seeds: dict[int, dict[int, float]] = {}
    for group in groups:
        for trial in group.trials:
            of_seeds.setdefault(trial.settings["seed"], {})[group.length] = number(getattr(trial, stage), tag)
    for values in of_seeds.values():
        lengths = [length * aside for length in values]
        axes.plot(lengths, list(values.values()), markersize=5, linewidth=1.0 if len(of_seeds) > 1 else 1.5, **drawn)


def _length_axis(axes: Axes, lengths: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(lengths, [str(length) for length in lengths])
    axes.set_xlim(lengths[0] / 1.3, lengths[-1] * 1.3)
    axes.minorticks_off()
