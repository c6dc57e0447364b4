"""Selective units: for each feature of the text the number of the state that goes best with it, over a passage."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from rnnx.report.figures import _text
from rnnx.report.figures._text import Strip
from rnnx.report.study import Study
from rnnx.report.trial import Record

TITLE = "Units that go with something in the text"

CAPTION = """
Of all numbers of the state the one that is most correlated with a feature of the text (Karpathy, Johnson &amp; Li
2015), and its value over a passage, of the first seed of each variant at the longest length. The first r is of the half
of the text on which it was chosen, the one in brackets of the other half, from which the passage is: where the second
falls short of the first, chance has chosen. An |r| near 1 is a unit that does nothing else; a model may know a feature
by many units together, too, without any of which that could be said.
"""

ORDER = 170

SUBJECT = "units that go with the text"

# From blue to orange, with a lightness that rises throughout: told apart by the colour-blind, and in grey.
_SHADES = LinearSegmentedColormap.from_list("blue_orange", ["#08306b", "#3a6ba8", "#a3a3a3", "#f0ae4c", "#ffeab3"])


def draw(study: Study, task: str) -> Figure | None:
    """A strip for each feature of each variant."""
    measured = (
        tag for group in study.groups_of(task) for trial in group.trials for tag in _tags(trial.latest).values()
    )
    title, trials = _text.first_seeds(study, task, next(measured, ""), "units that go with the text")
    named = len(trials) > 1
    strips = [
        strip for variant, trial in trials.items() for strip in _strips(trial.latest, f"{variant}, " if named else "")
    ]
    return _text.draw(title, strips, _SHADES, "activation") if strips else None


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One reading."""
    strips = _strips(record, "")
    return _text.draw(title, strips, _SHADES, "activation") if strips else None


def _strips(record: Record, prefix: str) -> list[Strip]:
    strips = []
    for name, tag in _tags(record).items():
        unit, chosen_by, correlation, text = (
            record[f"selective_units/{name}/{of}"] for of in ("unit", "chosen_by", "correlation", "text")
        )
        values = np.asarray(record[tag], float)
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        r = f"r = {chosen_by:.2f} ({correlation:.2f} on text not used to choose it)".replace("-", "−")
        title = f"{prefix}{name.replace('_', ' ')}: {unit}, {r}"
        strips.append(Strip(title, text, values, Normalize(low, high if high > low else low + 1)))
    return strips


def _tags(record: Record) -> dict[str, str]:
    """The tag of the activation for each feature."""
    split = ((tag, tag.split("/")) for tag in record)
    return {path[1]: tag for tag, path in split if path[0] == "selective_units" and path[-1] == "activation"}
