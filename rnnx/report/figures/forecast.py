"""What models forecast over a stretch of time held out, beside what came."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnx.report import words
from rnnx.report.figures import _style, _titles
from rnnx.report.figures._style import LineStyle
from rnnx.report.study import Study, longest
from rnnx.types import Forecast

TITLE = "What it forecasts"

CAPTION = """
A stretch of the held-out part at the last measurement, of the first seed of each variant at the longest length: broad
and grey what came; each forecast is made from the window before it alone. Dotted is persistence, the last value of that
window: it is the truth, late by the horizon, and a forecast that lies on it has learnt nothing else.
"""

ORDER = 156

_ROW = 2.2  # inches of a series
_TICKS = 6
_ALONE = LineStyle("#000000", "-", "")
_TRUTH = {"color": "0.72", "linewidth": 3.2, "solid_capstyle": "butt", "label": "truth"}
_LAST = {"color": "0.35", "linewidth": 1.0, "linestyle": (0, (1, 1.6)), "label": "persistence"}


def draw(study: Study, task: str) -> Figure | None:
    """The networks on each other, a panel a series."""
    groups = [
        group._replace(trials=tuple(trial for trial in group.trials if trial.forecasts)[:1])
        for group in study.groups_of(task)
    ]
    groups = longest([group for group in groups if group.trials])
    if not groups:
        return None
    styles = {words.without_part(variant): style for variant, style in _style.variant_styles(study).items()}
    trials = {words.without_part(group.variant): group.trials[0] for group in groups}
    latest = {name: (max(trial.forecasts), trial.forecasts[max(trial.forecasts)]) for name, trial in trials.items()}
    when = " or ".join(dict.fromkeys(f"{step} steps" for step, _ in latest.values()))
    title = _titles.title(f"{task}, T = {groups[0].length}: forecasts after {when}", groups)
    return paint({name: forecasts for name, (_, forecasts) in latest.items()}, title, styles)


def paint(
    forecasts: Mapping[str, Sequence[Forecast]], title: str, styles: Mapping[str, LineStyle] | None = None
) -> Figure:
    """Draw what was forecast of some series, one below the other.

    Args:
      forecasts: of each network by its name, of the same series; the name of one that is the only one may be empty.
      title: of the figure.
      styles: of the networks.
    """
    series = next(iter(forecasts.values()))
    made, panels = _style.grid(title, len(series), 1, row_height=_ROW, sharex=True)
    lines = {name: (styles or {}).get(name, _ALONE) for name in forecasts}
    for axes, (n, one) in zip(panels.flat, enumerate(series), strict=True):
        axes.plot(one.at, one.truth, **_TRUTH)
        axes.plot(one.at, one.last, **_LAST)
        for name, style in lines.items():
            forecast = forecasts[name][n]
            axes.plot(forecast.at, forecast.forecast, color=style.color, linestyle=style.linestyle, linewidth=1.4)
        axes.set_ylabel(one.name, parse_math=False)
        axes.margins(x=0.01)
    _label_time(panels.flat[-1], series[0])
    handles = [
        Line2D([], [], color=style.color, linestyle=style.linestyle, linewidth=1.4, label=name or "forecast")
        for name, style in lines.items()
    ]
    made.legend(
        handles=[*panels.flat[0].lines[:2], *handles],
        loc="outside lower center",
        ncols=6,
        handlelength=4,
        frameon=False,
    )
    return made


def _label_time(axes: Axes, one: Forecast) -> None:
    """The axis of time, at some of whose steps stands what the data call them."""
    axes.set_xlabel(one.time, parse_math=False)
    if one.labels:
        some = np.unique(np.linspace(0, len(one.at) - 1, min(_TICKS, len(one.at))).round().astype(int))
        axes.set_xticks([one.at[n] for n in some], [one.labels[n] for n in some], parse_math=False)
