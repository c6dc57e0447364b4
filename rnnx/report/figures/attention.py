"""Attention: a map of which steps of the source each step of the target looks at."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rnnx import examples
from rnnx.report.figures import _style, _titles, _trial
from rnnx.report.study import Study, longest, with_tag
from rnnx.report.trial import Record
from rnnx.types import Example

TITLE = "What it looks at while it writes"

CAPTION = """
One held-out example at the last measurement, of the first seed of each variant at the longest length: a row for each
step of the target, a column for each step of the source. The darker a place, the more of the source&rsquo;s step is in
what the decoder is given; a row sums to one. Each row stands beside what is written at that step, given what stands
before it. A line that falls to the right is a source read in its order, one that rises to the right is one read
backwards; a row of one grey looks at all of it alike. In the titles: how many steps a row looks at, e to the entropy
of its weights, in the mean over all examples.
"""

ORDER = 45

SUBJECT = "attention"

_TAG, _PLACES = "attention/weights", "attention/places"
_SHADES = colormaps["Greys"].with_extremes(bad="white")
_READABLE = 60
"""Steps along an axis of which each can be named."""


def draw(study: Study, task: str) -> Figure | None:
    """The variants side by side, on the same example where they have one."""
    groups = longest(with_tag(study.groups_of(task), _TAG))
    if not groups:
        return None
    *_, (stage, label) = _titles.stage_labels(groups, _TAG).items()
    measured = [group._replace(trials=tuple(t for t in group.trials if _TAG in getattr(t, stage))) for group in groups]
    trials = {group.variant: group.trials[0] for group in measured if group.trials}
    title = f"{task}, T = {groups[0].length}: what each step of the target looks at, {label}"
    columns = min(3, len(trials))
    rows = -(-len(trials) // columns)
    made, panels = _style.grid(_titles.title(title, groups), rows, columns, row_height=4.2)
    for axes, (variant, trial) in zip(panels.flat, trials.items(), strict=False):
        _map(axes, getattr(trial, stage), trial.example)
        places = float(getattr(trial, stage).get(_PLACES, np.nan))
        axes.set_title(f"{variant}: {places:.1f} steps at a time" if np.isfinite(places) else variant)
    for unused in list(panels.flat)[len(trials) :]:
        unused.remove()
    return made


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement."""
    if _TAG not in record:
        return None
    made, (axes,) = _trial.panels(title, height=4.6)
    _map(axes, record, None)
    return made


def _map(axes: Axes, record: Record, example: Example | None) -> None:
    weights = np.asarray(record[_TAG], float)
    written = ~np.isnan(weights).all(axis=1)
    T = int(np.flatnonzero(written)[-1]) + 1 if written.any() else len(weights)
    looked_at = np.flatnonzero(np.nansum(weights[:T], axis=0) > 0)
    S = int(looked_at[-1]) + 1 if len(looked_at) else weights.shape[1]
    shown = axes.imshow(weights[:T, :S], cmap=_SHADES, norm=Normalize(0, 1), aspect="auto", interpolation="nearest")
    axes.grid(False)
    axes.locator_params(integer=True)
    axes.set(xlabel="step of the source", ylabel="step of the target")
    if example is not None and example.kind == "text" and len(example.steps) == 2:
        _name_steps(axes, example, S, T)
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.8, label="weight α (a row sums to 1)")
    bar.outline.set_visible(False)


def _name_steps(axes: Axes, example: Example, S: int, T: int) -> None:
    """The pieces of the source below, what is written at each step of the target beside it."""
    first = next(iter(example.steps.values()))
    pieces = example.data["pieces"]
    source, target = pieces[:first][:S], [*pieces[first + 1 :], example.data["target"]][:T]
    if len(source) <= _READABLE:
        axes.set_xticks(range(len(source)), list(map(examples.visible, source)))
        axes.set_xlabel("source")
    if len(target) <= _READABLE:
        axes.set_yticks(range(len(target)), list(map(examples.visible, target)))
        axes.set_ylabel("target")
