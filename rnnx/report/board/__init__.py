"""What TensorBoard shows of a whole study: a run of its own, `_study`, with findings and pictures, and how to open it.

It is a view of records that stand elsewhere. So nothing that goes wrong in drawing it is an error: what could not be
drawn is said in its place.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from rnnx.logbook import TensorBoard
from rnnx.logbook.run_directory import STUDY_RUN
from rnnx.report import figures, findings, summary
from rnnx.report.board import matrix, overlay
from rnnx.report.figures._style import png
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow

_OF_REPORT = ("computational_graph", "state_gradient_heat_map", "state_gradient_on_data")
"""Figures of the report that show what no chart of TensorBoard's own does."""

_DPI = 100
"""Figures are 12 inches wide: 1200 pixels."""


def write(study: Study, workdir: Path, *, sections: bool) -> None:
    """Write the run `_study` of a directory, in place of an earlier one; its step is how many trials are done.

    Args:
      study: what is in the directory.
      workdir: the directory.
      sections: whether to draw some figures of the report too, which takes longer than all the rest.
    """
    rows = summary.rows(study)
    done = sum(trial.status == "done" for trial in study.trials)
    pictures: dict[str, bytes] = {}
    missing: list[str] = []
    for tag, draw in _drawings(study, rows, sections):
        try:
            figure = draw()
        except Exception as error:  # a record may be of another version, or half written
            missing.append(f"{tag}: {type(error).__name__}: {error}")
            continue
        if isinstance(figure, Figure):
            pictures[tag] = png(figure, _DPI)
    directory = workdir / STUDY_RUN
    directory.mkdir(exist_ok=True)
    with TensorBoard.apart(directory, "summary") as board:
        board.markdown(done, "findings", _findings(study, rows, done, missing))
        for tag, picture in pictures.items():
            board.image(done, tag, picture)


def _drawings(
    study: Study, rows: list[SummaryRow], sections: bool
) -> Iterator[tuple[str, Callable[[], Figure | str | None]]]:
    """Tags and how to draw them; those that compare all cells come first on the page, which is sorted."""
    for task in study.tasks:
        yield f"all_cells/{task}/reach", partial(matrix.draw, task, rows)
        for length in study.lengths(task):
            yield f"all_cells/{task}/T{length}", partial(overlay.draw, study, task, length)
        for section in figures.sections() if sections else []:
            if section.name in _OF_REPORT:
                yield f"all_cells/{task}/{section.name}", partial(section.draw, study, task)


def _findings(study: Study, rows: list[SummaryRow], done: int, missing: list[str]) -> str:
    """Markdown."""
    total = len(study.trials) + len(study.not_started)
    said = [f"{done} of {total} trials are done."]
    for task in study.tasks:
        sentences = findings.sentences(study, task, rows) or ["No measurements yet."]
        said.append("\n".join([f"#### {task}", "", *(f"- {sentence}" for sentence in sentences)]))
    said += [f"Could not be drawn: {why}." for why in missing]
    return "\n\n".join(said)
