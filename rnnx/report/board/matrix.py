"""How far back the gradient reaches, all variants and lengths in one picture: a cell of the matrix for each of both."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles
from rnnx.report.reach import reach
from rnnx.report.summary import SummaryRow

_COLORS = colormaps["cividis"]
_DARK = 0.55
"""A share below which white stands out more than black."""

_ROOM = 8
"""Variants for which there is room for a second line."""


def draw(task: str, rows: list[SummaryRow]) -> Figure | None:
    """Rows variants, columns lengths, before and after training; `None` where the reach was not measured."""
    of_task = [row for row in rows if row.group.task == task]
    variants = list(dict.fromkeys(row.group.variant for row in of_task))
    lengths = sorted({row.group.length for row in of_task})
    labels = _titles.stage_labels([row.group for row in of_task])
    made = _style.figure(12, 7.5)
    made.suptitle(
        f"{task}: how far back the gradient reaches\n"
        "the number: the largest lag with 1 % of it left, in steps; below, after training: seeds that remember",
        fontsize=13,
    )
    panels = made.subplots(1, 2, sharey=True)
    known = False
    for axes, (stage, label) in zip(panels, labels.items(), strict=True):
        for row in of_task:
            place = lengths.index(row.group.length), variants.index(row.group.variant)
            remembering = stage == "after" and len(variants) <= _ROOM and not np.isnan(row.floor)
            known |= _cell(axes, place, row, stage, row.remembering if remembering else "")
        axes.set(
            title=label,
            xlim=(-0.5, len(lengths) - 0.5),
            ylim=(len(variants) - 0.5, -0.5),
            xticks=range(len(lengths)),
            xticklabels=lengths,
            yticks=range(len(variants)),
            yticklabels=variants,
            xlabel="length T (steps)",
        )
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    made.colorbar(
        ScalarMappable(Normalize(0, 1), _COLORS), ax=panels, label="share of the sequence that it reaches", shrink=0.6
    )
    return made if known else None


def _cell(axes: Axes, place: tuple[int, int], row: SummaryRow, stage: str, below: str) -> bool:
    """Colour and number of one variant at one length; whether there is any."""
    x, y = place
    of_trials = [reach(getattr(trial, stage)) for trial in row.group.trials if not trial.against_time]
    reached = [one for one in of_trials if one is not None and np.isfinite(one.steps)]
    numbers = sorted(max(one.steps, 0.0) for one in reached)  # 0 where there is no gradient at all, not even at lag 0
    if not numbers:
        axes.text(x, y, "–", ha="center", va="center")
        return False
    share = float(np.median([one.share for one in reached]))
    axes.fill([x - 0.48, x + 0.48, x + 0.48, x - 0.48], [y - 0.47, y - 0.47, y + 0.47, y + 0.47], color=_COLORS(share))
    ink = "white" if share < _DARK else "black"
    text = (
        ", ".join(f"{value:g}" for value in numbers)
        if len(numbers) < _style.ENOUGH_SEEDS
        else f"{np.median(numbers):g}"
    )
    axes.text(x, y, text, ha="center", va="center", color=ink, fontsize=12)
    axes.text(x, y + 0.3, below, ha="center", va="center", color=ink, fontsize=9)
    return True
