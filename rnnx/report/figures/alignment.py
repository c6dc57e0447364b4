"""Alignment: where in a recording a network that was never told so finds what is said, and what it hears a label by."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patheffects import withStroke

from rnnx.report import words
from rnnx.report.figures import _style, _titles
from rnnx.report.study import Study, longest, with_tag
from rnnx.report.trial import Record

TITLE = "Where it hears what is said"

CAPTION = """
One held-out recording at the last measurement, of the first seed of each variant at the longest length. At the top its
spectrogram, with the labels where they are heard. In the middle the chance of each label at each frame, as the outputs
have it, with dots where the alignment has it: the share of all paths to the true labels that are at that label in that
frame. What is left is the chance of a blank, in grey. A network that is unsure spreads its alignment over the whole
recording, and one that has learnt has a peak for each label. At the bottom how strongly one label depends on each
frame of the spectrogram: the norm of the gradient of its loss, &minus;&Sigma;&gamma;&nbsp;ln&nbsp;p over all frames
with the alignment &gamma; held fixed, as a share of the largest; where that is nothing, it was not listened to.
"""

ORDER = 46

SUBJECT = "where it hears what is said"

_CHANCES, _OF_LABELS, _LABEL, _GRADIENT = (
    f"alignment/{name}" for name in ("chances", "of_labels", "label", "input_gradient")
)
_SHADES = colormaps["Greys"]
_HEARD = 0.1  # the least chance that a label is drawn for
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")  # of no cell here: of labels
_LINES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 3)))
_HALO = [withStroke(linewidth=2.5, foreground="white")]


def draw(study: Study, task: str) -> Figure | None:
    """The variants side by side, on the same recording where they have one."""
    groups = longest(with_tag(study.groups_of(task), _CHANCES))
    if not groups:
        return None
    *_, (stage, label) = _titles.stage_labels(groups, _CHANCES).items()
    records: dict[str, Record] = {}
    for group in groups:  # a group a part of a model, of which each tells the same
        for trial in group.trials:
            record = getattr(trial, stage) | {"example": trial.example}
            if _is_shown(record):
                records.setdefault(words.without_part(group.variant), record)
    title = f"{task}, T = {groups[0].length}: where each network hears what is said, {label}"
    return _paint(_titles.title(title, groups), records) if records else None


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement."""
    return _paint(title, {"": record}) if _is_shown(record) else None


def _is_shown(record: Record) -> bool:
    example = record.get("example")
    return _CHANCES in record and example is not None and "spectrogram" in example.data


def _paint(title: str, records: dict[str, Record]) -> Figure:
    columns = min(2, len(records))
    rows = -(-len(records) // columns)
    made = _style.figure(_style.WIDTH if columns > 1 else 8.0, 5.2 * rows + 0.4)
    made.suptitle(title, fontsize=11.5, parse_math=False)
    parts = np.ravel(made.subfigures(rows, columns, squeeze=False))
    for part, (name, record) in zip(parts, records.items(), strict=False):
        _column(part, name, record)
    return made


def _column(part: SubFigure, name: str, record: Record) -> None:
    example = record["example"]
    heard, said, gradient = part.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1.6))
    mels = np.asarray(example.data["spectrogram"], float)
    T, seconds = len(mels), float(example.data["seconds"])
    time = seconds * (np.arange(T) + 0.5)
    # What is not a number, of a network that has diverged, is drawn as nothing.
    chances, of_labels, norms = (_finite(record[tag])[:T] for tag in (_CHANCES, _OF_LABELS, _GRADIENT))
    heard.imshow(mels.T, cmap=_SHADES, origin="lower", aspect="auto", extent=(0, seconds * T, 0.5, mels.shape[1] + 0.5))
    heard.grid(False)
    heard.set(ylabel="mel channel", title=": ".join(filter(None, (name, f"“{example.data['target']}”"))))
    symbols, blank = example.data["symbols"], 0
    told = {symbols.index(symbol) for symbol in example.data["target"].split()}
    shown = [k for k in range(len(symbols)) if k != blank and (k in told or chances[:, k].max() > _HEARD)]
    said.plot(time, chances[:, blank], color="0.7", linewidth=1.0, zorder=1)
    for n, k in enumerate(shown):
        color, line = _COLORS[n % len(_COLORS)], _LINES[n // len(_COLORS) % len(_LINES)]
        said.plot(time, chances[:, k], color=color, linestyle=line, linewidth=1.8)
        said.plot(time, of_labels[:, k], ".", color=color, markersize=3.5)
        for peak in _peaks(np.maximum(chances[:, k], of_labels[:, k])) or [int(np.argmax(of_labels[:, k]))]:
            _name(heard, time[peak], 0.86 * mels.shape[1], symbols[k], color)
            _name(said, time[peak], max(chances[peak, k], of_labels[peak, k]) + 0.03, symbols[k], color)
    said.set(ylim=(0, 1.16), yticks=(0, 0.5, 1), ylabel="chance")
    largest = norms.max()
    gradient.fill_between(time, norms / largest if largest > 0 else norms, step="mid", color="0.35", linewidth=0)
    label = symbols[int(record[_LABEL])]
    gradient.set(ylim=(0, 1.05), yticks=(0, 1), xlim=(0, seconds * T), xlabel="time (s)")
    gradient.set_ylabel(f"‖∂L/∂x‖\nof “{label}”")


def _finite(values: list) -> np.ndarray:
    return np.nan_to_num(np.asarray(values, float), nan=0, posinf=0, neginf=0)


def _name(axes: Axes, x: float, y: float, text: str, color: str) -> None:
    axes.text(x, y, text, ha="center", va="bottom", color=color, fontweight="bold", path_effects=_HALO, clip_on=True)


def _peaks(curve: np.ndarray) -> list[int]:
    """The highest place of each stretch that is above what is drawn."""
    above = np.concatenate([[False], curve > _HEARD, [False]])
    begins, ends = np.flatnonzero(above[1:] & ~above[:-1]), np.flatnonzero(above[:-1] & ~above[1:])
    return [int(begin + np.argmax(curve[begin:end])) for begin, end in zip(begins, ends, strict=True)]
