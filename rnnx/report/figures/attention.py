"""Attention: a map of which steps of the source, or places of a picture, each step of the target looks at."""

import textwrap

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rnnx import examples
from rnnx.report import on_data
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
of its weights, in the mean over all examples. Where it looks at places of a picture, that stands there once for each
word: the brighter a place, the more it is looked at, relative to the place that is most, whose weight stands below. Of
a network that forecasts a column is one of the series that its encoder weighs, or a step of its encoder that its
decoder looks back at.
"""

ORDER = 45

SUBJECT = "attention"

_TAG, _PLACES = "attention/weights", "attention/places"
_SHADES = colormaps["Greys"].with_extremes(bad="white")
_READABLE = 60
"""Steps along an axis of which each can be named."""
_ACROSS = 8
"""Pictures beside each other."""


def draw(study: Study, task: str) -> Figure | None:
    """The variants side by side, on the same example where they have one."""
    groups = longest(with_tag(study.groups_of(task), _TAG))
    if not groups:
        return None
    *_, (stage, label) = _titles.stage_labels(groups, _TAG).items()
    measured = [group._replace(trials=tuple(t for t in group.trials if _TAG in getattr(t, stage))) for group in groups]
    trials = {group.variant: group.trials[0] for group in measured if group.trials}
    title = f"{task}, T = {groups[0].length}: what each step of the target looks at, {label}"
    first = next(iter(trials.values()), None)
    if first and first.example and on_data.picture_of(first.example):
        records = {name: getattr(one, stage) for name, one in trials.items() if one.example == first.example}
        return _on_picture(_titles.title(title, groups), records, first.example)
    columns = min(3, len(trials))
    rows = -(-len(trials) // columns)
    made, panels = _style.grid(_titles.title(title, groups), rows, columns, row_height=4.2)
    for axes, (variant, trial) in zip(panels.flat, trials.items(), strict=False):
        _map(axes, getattr(trial, stage), trial.example)
        places = float(getattr(trial, stage).get(_PLACES, np.nan))
        looked_at = f"{variant}: {places:.1f} {_unit(trial.example)} at a time"
        axes.set_title(looked_at if np.isfinite(places) else variant)
    for unused in list(panels.flat)[len(trials) :]:
        unused.remove()
    return made


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement; on the example, where that stands beside it."""
    if _TAG not in record:
        return None
    example = record.get("example")
    if example and on_data.picture_of(example):
        return _on_picture(title, {"": record}, example)
    made, (axes,) = _trial.panels(title, height=4.6)
    _map(axes, record, example)
    return made


def _on_picture(title: str, records: dict[str, Record], example: Example) -> Figure:
    """For each network the picture, and that once more for each word, with what is looked at."""
    picture = on_data.picture_of(example)
    assert picture is not None
    said = [*example.data["pieces"][1:], example.data["target"]]
    columns = min(_ACROSS, len(said) + 1)
    lines = -(-(len(said) + 1) // columns)
    shown = "\n".join(textwrap.fill(part, 130) for part in title.split("\n"))
    made = _style.figure(_style.WIDTH, 1.85 * lines * len(records) + 0.3 * (shown.count("\n") + 1))
    made.set_layout_engine("constrained", h_pad=0.08)  # between a weight and the word below it
    made.suptitle(shown, fontsize=11.5, parse_math=False)
    panels = made.subplots(lines * len(records), columns, squeeze=False)
    for n, (name, record) in enumerate(records.items()):
        weights = np.asarray(record[_TAG], float)
        whole, *each = panels[n * lines : (n + 1) * lines].flat
        picture(whole, example)
        whole.set_title(name, fontsize=9.5, fontweight="bold", parse_math=False)
        whole.set_xlabel(f"{float(record.get(_PLACES, np.nan)):.1f} places at a time", fontsize=8.5)
        for axes, word, of_word in zip(each, said, weights, strict=False):
            picture(axes, example, of_word)
            axes.set_title(word.strip(), fontsize=9.5, parse_math=False)
            axes.set_xlabel(f"at most α = {of_word.max():.2f}", fontsize=8.5)
        for unused in each[min(len(said), len(weights)) :]:
            unused.remove()
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
    if example is not None and example.kind == "series":
        axes.set(xlabel="series, or step that was read", ylabel="step")
    if example is not None and example.kind == "text" and len(example.steps) == 2:
        _name_steps(axes, example, S, T)
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.8, label="weight α (a row sums to 1)")
    bar.outline.set_visible(False)


def _unit(example: Example | None) -> str:
    return "places" if example is not None and example.kind == "series" else "steps"


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
