"""Two studies as a table in the terminal and as a page; see `experiments.compare`."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments.config import ConfigError
from rnnx import files
from rnnx.report import compare as comparison
from rnnx.report import compare_page, page, study
from rnnx.report.compare import Change, Comparison, Row
from rnnx.report.spread import Spread


def compare(one: Path, other: Path, output: Path) -> None:
    """Read both studies, print what tells them apart, and write the page.

    Raises:
      ConfigError: one of them can't be read.
    """
    try:
        studies = study.read(one), study.read(other)
    except (ValueError, OSError) as error:
        raise ConfigError(str(error)) from None
    found = comparison.compare(*studies, (str(one), str(other)))
    files.write(output, compare_page.render(found, compare_page.plates(found)).encode())
    _print(found)
    print(output)


def _print(found: Comparison) -> None:
    console = Console(markup=False, highlight=False)
    # Elsewhere than in a terminal a line is as long as it must be: it is for other programs to read.
    console = console if console.is_terminal else Console(markup=False, highlight=False, width=10_000)
    for title, changes in (("setting", found.settings), ("versions, code, machine, data", found.origins)):
        if changes:
            console.print(_changes(title, changes, found.names), "")
    for name, groups in zip(found.names, found.alone, strict=True):
        for group in groups:
            console.print(f"only in {name}: {group.task}, {group.variant}, T = {group.length}")
    for metric in found.metrics:
        rows = [row for row in found.rows if row.metric.name == metric.name]
        if any(row.difference.verdict != "same" for row in rows):
            console.print(_metric(rows, found.names), "")
    for sentence in compare_page.sentences(found):
        console.print(f"- {sentence}")


def _changes(title: str, changes: list[Change], names: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (title, *names):
        table.add_column(name, overflow="fold")
    for change in changes:
        table.add_row(change.name, *change.values)
    return table


def _metric(rows: list[Row], names: tuple[str, str]) -> Table:
    """Medians with lowest … highest, and the difference with its interval."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(rows[0].metric.name)
    for name in ("T", *names, "seeds", "difference"):
        table.add_column(name, justify="right")
    table.add_column("told from seed noise?")
    for row in rows:
        values = [_value(values, row.metric.form) for values in row.spreads]
        differing = compare_page.seeds(row), compare_page.interval(row), compare_page.told(row, names)
        table.add_row(f"{row.group.task}, {row.group.variant}", str(row.group.length), *values, *differing)
    return table


def _value(values: Spread, form: str) -> str:
    low_to_high = page.span(values, form)
    return page.digits(values.median, form) + (f" ({low_to_high})" if low_to_high else "")
