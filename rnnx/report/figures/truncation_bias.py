"""What truncated backpropagation through time does to the gradient, against the number of steps K it goes back."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnx.report.figures import _panels, _style
from rnnx.report.figures._panels import Panel
from rnnx.report.statistics import median_range, of_seeds
from rnnx.report.study import Study, longest, with_tag
from rnnx.report.trial import Record

TITLE = "What truncation does"

CAPTION = """
How wrong the gradient is where backpropagation stops after K steps: the length of the error over that of the whole
gradient, and the cosine of the angle between the two. The star is the smallest K whose error is below a tenth; a
curve that falls only at the right end belongs to a network that should not be truncated.
"""

ORDER = 90

SUBJECT = "what truncation does to the gradient"

_STEPS = "K, steps that the gradient goes back"
_ERROR = "truncation_bias/relative_error"
_SMALLEST = "truncation_bias/smallest_k"
_ADMISSIBLE = 0.1  # the relative error under which `smallest_k` takes a truncation to be admissible
_PANELS = (
    Panel(
        _STEPS,
        "relative error ‖g$_K$ − g‖ / ‖g‖",
        {"": _ERROR},
        first=1,
        references=((f"admissible: {_ADMISSIBLE} (star: smallest such K)", _ADMISSIBLE, "--"),),
    ),
    Panel(_STEPS, "cos(g$_K$, g)", {"": "truncation_bias/cosine"}, first=1, references=(("same direction", 1.0, ":"),)),
)


def draw(study: Study, task: str) -> Figure | None:
    """Rows relative error and cosine; a star marks the smallest admissible K of each seed, or their median."""
    drawn = _panels.draw(study, task, "what truncation to K steps does to the gradient", _PANELS)
    if drawn is None:
        return None
    line_styles = _style.variant_styles(study)
    for (tag, stage), axes in drawn.axes.items():
        _count_steps(axes)
        if tag == _ERROR:
            for group in longest(with_tag(study.groups_of(task), _ERROR)):
                smallest = of_seeds(group.trials, stage, _SMALLEST)
                if smallest is not None and len(smallest) >= _style.ENOUGH_SEEDS:
                    smallest = median_range(smallest).median
                for one in np.atleast_1d(np.nan if smallest is None else smallest):
                    _star(axes, one, line_styles[group.variant].color)
            _errors(axes)
    return drawn.figure


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement."""
    figure = _panels.draw_trial(record, title, _PANELS)
    if figure is not None:
        for axes in figure.axes:
            _count_steps(axes)
        _star(figure.axes[0], record.get(_SMALLEST, np.nan), "black")
        _errors(figure.axes[0])
    return figure


def _star(axes: Axes, smallest: Any, color: str) -> None:
    axes.plot([smallest], [_ADMISSIBLE], "*", color=color, markersize=14, markeredgecolor="white", zorder=3)


def _count_steps(axes: Axes) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.minorticks_off()


def _errors(axes: Axes) -> None:
    """Down to one part in a million; that of the whole sequence is exactly zero and has no place on such an axis."""
    axes.set_yscale("log")
    axes.set_ylim(bottom=max(axes.get_ylim()[0], 1e-6))
