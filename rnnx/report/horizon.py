"""What a curve over lag says in one number, against the length of the sequence: horizon and decay rate."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report import style, titles
from rnnx.report.spread import spread
from rnnx.report.study import Study
from rnnx.report.trial import number

_ROWS = {"horizon": "horizon (steps)", "decay_rate": "decay rate (nats per step)"}


def draw(study: Study, task: str) -> Figure:
    """Rows horizon and decay rate, columns before and after training; bars are the range over seeds."""
    title = titles.title(f"{task}: horizon and decay rate against length", study.groups_of(task))
    made, panels = style.grid(title, 2, 2, row_height=2.9, sharex=True, sharey="row")
    lengths = study.lengths(task)
    variants = study.variants_of(task)
    looks = {variant: style.looks(study.variants)[variant] for variant in variants}
    for row, (measure, label) in zip(panels, _ROWS.items(), strict=True):
        for axes, (when, what) in zip(row, titles.when(study.groups_of(task)).items(), strict=True):
            for index, variant in enumerate(variants):
                aside = 2 ** (0.06 * (index - (len(variants) - 1) / 2))  # so that equal values are seen side by side
                _variant(axes, study, task, variant, measure, when, aside, looks[variant])
            _length_axis(axes, lengths)
            axes.set(title=what, xlabel="length T (steps)", ylabel=label)
            axes.label_outer()
    for axes in panels[0]:
        axes.plot(lengths, np.array(lengths) - 1, color="0.35", linewidth=1.0, linestyle="--")
    ticks = [0, *(2**power for power in range(lengths[-1].bit_length()))]
    panels[0, 0].set_yscale("symlog", base=2, linthresh=1)
    panels[0, 0].set_yticks(ticks, [str(tick) for tick in ticks])
    panels[0, 0].set_ylim(-0.3, 1.4 * lengths[-1])
    for axes in panels[1]:
        style.reference(axes, 0.0, ":")
        axes.margins(y=0.1)
    style.legend(made, looks, {"whole sequence, T − 1": "--", "no decay": ":"})
    return made


def _variant(
    axes: Axes, study: Study, task: str, variant: str, measure: str, when: str, aside: float, look: style.Look
) -> None:
    groups = sorted((g for g in study.groups_of(task) if g.variant == variant), key=lambda group: group.length)
    tag = f"state_gradient/state/{measure}"
    found = [spread([number(getattr(trial, when), tag) for trial in group.trials]) for group in groups]
    middle, low, high = (np.array(values, float) for values in zip(*found, strict=True))
    axes.errorbar(
        [group.length * aside for group in groups],
        middle,
        yerr=(middle - low, high - middle),
        color=look.color,
        linestyle=look.linestyle,
        marker=look.marker,
        capsize=3,
    )


def _length_axis(axes: Axes, lengths: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(lengths, [str(length) for length in lengths])
    axes.set_xlim(lengths[0] / 1.3, lengths[-1] * 1.3)
    axes.minorticks_off()
