"""Figures, one per file, each with the name of the diagnostic that it shows; what begins with that name is one more.

A file can have either or both of these, and nothing else knows of it:

- a section of the report: `TITLE`, `CAPTION` (HTML: what is shown and how to read it), `ORDER` (its place on the page)
  and `draw(study, task) -> Figure | str | None`, with `None` where nothing of it was measured, and a sentence in place
  of a figure that would show nothing, such as that no step was clipped;
- a picture of one trial: `draw_trial(record, title, before) -> Figure | None`, of a record of `metrics.jsonl` and the
  one before training (empty where there is none). `experiments.analyze` draws it and, unless `IN_TRAINING` is false,
  TensorBoard has it while the trial is trained, as `<diagnostic>/figure` or by what `PICTURE` says for `figure`. The
  title says whose it is and, by `SUBJECT` or the diagnostic's name, what.

`loss`, `clipping`, `written` and `forecast` show training itself in the same way. Files whose name starts with `_` are
helpers.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from matplotlib.figure import Figure

from rnnx import registry
from rnnx.report import parts
from rnnx.report.study import Study
from rnnx.report.trial import Record


class Section(NamedTuple):
    """A section of the report, with a figure for each task."""

    name: str
    title: str
    caption: str
    """HTML."""
    draw: Callable[[Study, str], Figure | str | None]
    """(study, task) -> a figure, a sentence in place of one, or `None` where nothing was measured."""


class Picture(NamedTuple):
    """What a diagnostic says of one recurrent part of a trial."""

    part: str
    """Empty where it is the only one."""
    tag: str
    """In TensorBoard."""
    figure: Figure


def sections() -> list[Section]:
    """All sections, in the order of the page.

    >>> [section.title for section in sections()][:2]
    ['One of the networks, folded and unrolled', 'What each network looks back at']
    """
    modules = {name: registry.module(__name__, name) for name in registry.names(__name__)}
    shown = sorted((m.ORDER, name) for name, m in modules.items() if hasattr(m, "draw"))
    return [Section(name, modules[name].TITLE, modules[name].CAPTION, modules[name].draw) for _, name in shown]


def pictures(
    diagnostic: str, record: Record, title: str, before: Record | None = None, *, training: bool = False
) -> Iterator[Picture]:
    """What a diagnostic says of each recurrent part of a trial; nothing where it has no picture.

    Args:
      diagnostic: a name, as in `rnnx.diagnostics`.
      record: `{tag: value}` as in `metrics.jsonl`: curves as lists, histograms as `edges` and `counts`; beside them, of
        an analysis, `precision`, and the settings `task.length` and `batch_size`, which some values are seen beside, or
        `example`, the held-out example that some are of.
      title: whose picture it is, for example "LSTM, adding, T = 64, seed 0, step 1000".
      before: the record before training.
      training: whether the trial is being trained, when some are not drawn.

    >>> record = {"step": 5, "encoder/lyapunov/spectrum": [-0.1, -0.5]}
    >>> [(picture.tag, picture.figure.get_suptitle()) for picture in pictures("lyapunov", record, "two units")]
    [('encoder/lyapunov/figure', 'two units, encoder: Lyapunov spectrum')]
    >>> list(pictures("omega", {}, "nothing was measured"))
    []
    """
    module = registry.module(__name__, diagnostic) if diagnostic in registry.names(__name__) else None
    draw = getattr(module, "draw_trial", None)
    if draw is None or (training and not getattr(module, "IN_TRAINING", True)):
        return
    names = parts.names(record, diagnostic)
    precision = f" ({record['precision']})" if "precision" in record else ""
    subject = getattr(module, "SUBJECT", diagnostic.replace("_", " ")) + precision
    for part in names:
        of_part, at_first = (parts.of_part(values, part, names) for values in (record, before or {}))
        drawn = draw(of_part, ": ".join(filter(None, (", ".join(filter(None, (title, part))), subject))), at_first)
        if drawn is not None:
            tag = f"{parts.prefix(part)}{diagnostic}/{getattr(module, 'PICTURE', 'figure')}"
            yield Picture(part, tag, drawn)
