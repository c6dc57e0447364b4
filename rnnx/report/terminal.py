"""The report of a study, and the comparison of two: what the terminal says, and what is written."""

import csv
import io
import math
import os
import shlex
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rnnx.logbook import files
from rnnx.report import comparison, study, summary
from rnnx.report.comparison import Change, Comparison, ComparisonRow
from rnnx.report.metrics import METRICS
from rnnx.report.pages import comparison as comparison_page
from rnnx.report.pages import page
from rnnx.report.pages.format import digits, span
from rnnx.report.statistics import MedianRange
from rnnx.report.summary import SummaryRow

_METRICS = [metric for metric in METRICS if metric.terminal]


def report(workdir: Path, directory: Path) -> None:
    """Read all trials under the workdir, finished or not, write a directory with their report, and print its summary.

    Raises:
      StudyError: there is none.
      DamagedError: a file of it is.
    """
    of = study.read(workdir)
    rows = summary.rows(of)
    figures = page.draw(of)
    contents = {f"figures/{figure.name}": figure.png for figure in figures}
    contents["summary.csv"] = _csv(summary.table(rows))
    contents["trials.csv"] = _csv(summary.trials_table(of))
    root = os.path.relpath(workdir.resolve(), directory.resolve())
    contents["index.html"] = page.render(of, rows, figures, shlex.quote(str(workdir)), root).encode()
    for name, content in contents.items():
        files.write(directory / name, content)
    _print_summary(rows)
    if of.left_out:
        print(of.left_out)
    print(f"{directory / 'index.html'}\n{directory / 'summary.csv'}\n{directory / 'figures'}: {len(figures)} figures")


def compare(one: Path, other: Path, output: Path) -> None:
    """Read both studies, print what sets them apart, and write the page.

    Raises:
      StudyError: one of them is none.
      DamagedError: a file of one of them is.
    """
    result = comparison.compare(study.read(one), study.read(other), (str(one), str(other)))
    files.write(output, comparison_page.render(result, comparison_page.draw(result)).encode())
    _print_comparison(result)
    print(output)


def _csv(table: list[dict[str, Any]]) -> bytes:
    """With a header; a number that is not there is an empty field."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(table[0]), lineterminator="\n")
    writer.writeheader()
    for row in table:
        writer.writerow({k: "" if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()})
    return buffer.getvalue().encode()


def _print_summary(rows: list[SummaryRow]) -> None:
    units = ", ".join(f"{metric.name} in {metric.unit}" for metric in _METRICS if metric.unit)
    table = Table(
        caption=f"median over seeds; {units}, before → after training; "
        "reached: seeds that are done with a loss clearly below that without memory"
    )
    first, *others = (metric.name for metric in _METRICS)
    for name in ("task", "T", "variant", "seeds", first, "no memory", "reached", *others):
        table.add_column(name, justify="left" if name in ("task", "variant") else "right")
    for row in rows:
        task, length, variant, _ = row.group
        seeds = ", ".join([str(row.seeds), *row.troubles])
        first, *others = (
            " → ".join(digits(row.of(metric.key, stage).median, metric.format) for stage in metric.stages)
            for metric in _METRICS
        )
        table.add_row(task, str(length), variant, seeds, first, digits(row.floor), row.remembering, *others)
    console = Console(markup=False)
    if not console.is_terminal:
        console.width = 120
    console.print(table)


def _print_comparison(result: Comparison) -> None:
    console = Console(markup=False, highlight=False)
    # Elsewhere than in a terminal a line is as long as it must be: it is for other programs to read.
    console = console if console.is_terminal else Console(markup=False, highlight=False, width=10_000)
    for of in result.studies:
        if of.left_out:
            console.print(of.left_out, "")
    for title, changes in (("setting", result.settings), ("versions, code, machine, data", result.origins)):
        if changes:
            console.print(_changes(title, changes, result.names), "")
    for name, groups in zip(result.names, result.alone, strict=True):
        for group in groups:
            console.print(f"only in {name}: {group.task}, {group.variant}, T = {group.length}")
    for metric in result.metrics:
        rows = [row for row in result.rows if row.metric.name == metric.name]
        if not all(row.difference.none for row in rows):
            console.print(_differences(rows, result.names), "")
    for sentence in comparison_page.sentences(result):
        console.print(f"- {sentence}")


def _changes(title: str, changes: list[Change], names: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (title, *names):
        table.add_column(name, overflow="fold")
    for change in changes:
        table.add_row(change.name, *change.values)
    return table


def _differences(rows: list[ComparisonRow], names: tuple[str, str]) -> Table:
    """Medians with lowest … highest, and the difference with its interval."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(rows[0].metric.name)
    for name in ("T", *names, "seeds", "difference"):
        table.add_column(name, justify="right")
    table.add_column("told from seed noise?")
    for row in rows:
        values = [_value(values, row.metric.format) for values in row.spreads]
        seeds, interval = comparison_page.seeds(row), comparison_page.interval(row)
        verdict = comparison_page.verdict_text(row, names)
        table.add_row(
            f"{row.group.task}, {row.group.variant}", str(row.group.length), *values, seeds, interval, verdict
        )
    return table


def _value(values: MedianRange, form: str) -> str:
    low_to_high = span(values, form)
    return digits(values.median, form) + (f" ({low_to_high})" if low_to_high else "")
