"""The report of a study, and the comparison of two: what the terminal says, and what is written."""

import csv
import io
import math
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from rnnx.logbook import files
from rnnx.report import comparison, study, summary
from rnnx.report.comparison import Comparison, ComparisonRow
from rnnx.report.metrics import METRICS
from rnnx.report.pages import comparison as comparison_page
from rnnx.report.pages import page
from rnnx.report.pages.format import digits
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow
from rnnx.report.trial import MEMORY

_METRICS = [metric for metric in METRICS if metric.terminal]


def report(workdir: Path, directory: Path) -> None:
    """Read all trials under the workdir, finished or not, write a directory with their report, and print its summary.

    Raises:
      StudyError: there is none.
      DamagedError: a file of it is.
    """
    of = study.read(workdir)
    rows = summary.rows(of)
    figures = write(of, rows, workdir, directory)
    _print_summary(rows)
    if of.left_out:
        print(of.left_out)
    print(f"{directory / 'index.html'}\n{directory / 'summary.csv'}\n{directory / 'figures'}: {figures} figures")


def write(of: Study, rows: list[SummaryRow], workdir: Path, directory: Path) -> int:
    """Write a directory with the report of a study, and say nothing; how many figures it has.

    Args:
      of: the study.
      rows: its summary.
      workdir: where it was read.
      directory: where its report goes.
    """
    # Before the figures, which take long: a place that can't be written to is told at once.
    files.write(directory / "summary.csv", _csv(summary.table(rows)))
    files.write(directory / "trials.csv", _csv(summary.trials_table(of)))
    figures = page.draw(of)
    contents = {f"figures/{figure.name}": figure.png for figure in figures if figure.png}
    root = os.path.relpath(workdir.resolve(), directory.resolve())
    contents["index.html"] = page.render(of, rows, figures, shlex.quote(_from_here(workdir)), root).encode()
    for name, content in contents.items():
        files.write(directory / name, content)
    return sum(bool(figure.png) for figure in figures)


def compare(one: Path, other: Path, output: Path) -> None:
    """Read both studies, print what sets them apart, and write the page.

    Raises:
      StudyError: one of them is none.
      DamagedError: a file of one of them is.
    """
    result = comparison.compare(study.read(one), study.read(other), comparison.short_names(one, other))
    files.write(output, comparison_page.render(result).encode())
    _print_comparison(result)
    print(output)


def _from_here(workdir: Path) -> str:
    """A directory as a command names it that is given here; elsewhere as it is.

    >>> _from_here(Path.cwd() / "runs" / "one"), _from_here(Path("/elsewhere"))
    ('runs/one', '/elsewhere')
    """
    here, path = Path.cwd().resolve(), workdir.resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else workdir)


def _csv(table: list[dict[str, Any]]) -> bytes:
    """With a header; a number that is not there is an empty field."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(table[0]), lineterminator="\n")
    writer.writeheader()
    for row in table:
        writer.writerow({k: "" if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()})
    return buffer.getvalue().encode()


_NARROWEST = 20  # columns of a terminal that a network's name has at least


def _print_summary(rows: list[SummaryRow]) -> None:
    """A table of each task, a line a row also where there are 80 columns; then, in words, what its columns are."""
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 120
    for task in dict.fromkeys(row.group.task for row in rows):
        of_task = [row for row in rows if row.group.task == task]
        floors = " or ".join(dict.fromkeys(digits(row.floor) for row in of_task))
        console.print(f"{task}: {of_task[0].group.trials[0].loss_unit}; without memory {floors}", style="bold")
        console.print(_summary(of_task), "")
    units = ", ".join(f"{metric.name} in {metric.unit}" for metric in _METRICS if metric.unit)
    console.print(
        f"Medians over seeds, before → after training; {units}. Learned: how many seeds are done with a loss {MEMORY}."
    )


def _summary(rows: list[SummaryRow]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    first, *others = (metric.name for metric in _METRICS)
    table.add_column("T", justify="right")
    table.add_column("network", min_width=_NARROWEST, overflow="fold")
    for name in (first, "learned", *others):
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    for before, row in zip([None, *rows], rows, strict=False):
        again = before is not None and before.group.length == row.group.length
        first, *others = (
            " → ".join(digits(row.of(metric.key, stage).median, metric.format) for stage in metric.stages)
            for metric in _METRICS
        )
        network = ", ".join([row.group.variant, *row.troubles])
        if before is not None and not again:
            table.add_section()
        table.add_row("" if again else str(row.group.length), network, first, row.remembering, *others)
    return table


def _print_comparison(result: Comparison) -> None:
    """What moved first, then one line of how much there is of everything else, then what was set differently."""
    console = Console(markup=False, highlight=False)
    # Elsewhere than in a terminal a line is as long as it must be: it is for other programs to read.
    console = console if console.is_terminal else Console(markup=False, highlight=False, width=10_000)
    for said, rows in ((None, result.moved), (comparison_page.few(result), result.unjudged)):
        if rows:
            if said:
                console.print(said)
            console.print(_moves(rows, result.names, console.width >= _WIDE))
            if more := _more(rows):
                console.print(more)
    console.print(comparison_page.headline(result))
    for sentence in comparison_page.notes(result):
        console.print(sentence)
    for name, groups in zip(result.names, result.alone, strict=True):
        if groups:
            console.print(f"{name} alone has {len(groups)} group{'s' if groups[1:] else ''} of trials.")
    for title, changes in (("Set differently", result.settings), ("Of different origin", result.origins)):
        if changes:
            told = (f"{change.name} {' → '.join(change.values)}" for change in changes[: comparison_page.SHOWN])
            console.print(f"{title}: {'; '.join(told)}. {_more(changes)}".rstrip())
    for of in result.studies:
        if of.left_out:
            console.print(of.left_out)


def _more(all_of_them: Sequence[Any]) -> str:
    """For example `And 30 more, on the page.`"""
    more = len(all_of_them) - comparison_page.SHOWN
    return f"And {more} more, on the page." if more > 0 else ""


_WIDE = 120
"""Columns of a terminal that has room for everything."""


def _moves(rows: list[ComparisonRow], names: tuple[str, str], wide: bool) -> Table:
    """Medians, how far the difference is beyond seed noise, and where there is room it itself and how many seeds."""
    judged = rows[0].moved
    columns = {" → ".join(names): comparison_page.medians}
    if judged:
        columns["noise"] = comparison_page.margin
    if wide:
        columns |= {"difference": comparison_page.interval, "seeds": comparison_page.seeds}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("what moved" if judged else "not judged")
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows[: comparison_page.SHOWN]:
        what = f"{row.metric.name}: {row.group.task}, {row.group.variant}, T = {row.group.length}"
        table.add_row(what, *(told(row) for told in columns.values()))
    return table
