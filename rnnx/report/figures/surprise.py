"""Surprise: a passage, coloured by how little the model expected each of its tokens."""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rnnx.report.figures import _text
from rnnx.report.figures._text import Strip
from rnnx.report.study import Study
from rnnx.report.trial import Record

TITLE = "What surprised it"

CAPTION = """
A passage of the test part, of the first seed of each variant at the longest length: the darker a token, the less it was
expected after all that stands before it, &minus;log&nbsp;p in nats; the loss is the mean of this. Characters that are
dark where a word begins and light within it are those of a model that knows how words are written, and less well which
one comes; dark within a name that stood there before is what it has forgotten, or never learnt to take up again. The
sign at the end of a line is the line end, a token as all others.
"""

ORDER = 150

SUBJECT = "surprise at a passage"

_TEXT, _NATS, _MEAN = "surprise/text", "surprise/nats", "surprise/mean"
_SHADES = colormaps["magma_r"]  # whose lightness falls evenly, in grey too
_QUANTILE = 0.98  # what lies above is as dark: one rare sign would make all else light


def draw(study: Study, task: str) -> Figure | None:
    """The variants side by side, with the same shades."""
    title, trials = _text.first_seeds(study, task, _NATS, "surprise at a passage")
    return _draw(title, {variant: trial.latest for variant, trial in trials.items()}) if trials else None


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One reading."""
    return _draw(title, {"": record}) if _NATS in record and _TEXT in record else None


def _draw(title: str, records: dict[str, Record]) -> Figure:
    nats = {name: np.asarray(record[_NATS], float) for name, record in records.items()}
    known = [value for of in nats.values() for value in of[np.isfinite(of)]]
    norm = Normalize(0, float(np.quantile(known, _QUANTILE)) if known else 1.0)
    strips = []
    for name, record in records.items():
        mean = f"{record.get(_MEAN, np.nan):.2f} {_unit(record)} in the mean"
        strips.append(Strip(": ".join(filter(None, (name, mean))), record[_TEXT], nats[name], norm))
    return _text.draw(title, strips, _SHADES, _unit(next(iter(records.values()))))


def _unit(record: Record) -> str:
    return f"nats per {'character' if all(len(piece) == 1 for piece in record[_TEXT]) else 'token'}"
