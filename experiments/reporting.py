"""The report of a study: one HTML page, figures and tables, and a summary in the terminal."""

import csv
import io
import math
import shlex
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.config import ConfigError
from rnnx import files
from rnnx.report import page, study, summary
from rnnx.report.spread import Spread
from rnnx.report.summary import Row


def make(workdir: Path) -> int:
    """Read all trials under the workdir, finished or not, and write `<workdir>/report`.

    Raises:
      ConfigError: there is nothing that can be read, or no place to write it.
    """
    try:
        found = study.read(workdir)
    except (ValueError, OSError) as error:
        raise ConfigError(str(error)) from None
    rows = summary.rows(found)
    plates = page.plates(found)
    contents = {f"figures/{plate.file}": plate.png for plate in plates}
    contents["summary.csv"] = _csv(summary.table(rows))
    contents["trials.csv"] = _csv(summary.trials_table(found))
    contents["index.html"] = page.render(found, rows, plates, shlex.quote(str(workdir))).encode()
    directory = workdir / "report"
    try:
        for name, content in contents.items():
            files.write(directory / name, content)
    except OSError as error:
        raise ConfigError(f"can't write the report: {error}.") from None
    _print(rows)
    print(f"{directory / 'index.html'}\n{directory / 'summary.csv'}\n{directory / 'figures'}: {len(plates)} figures")
    return 0


def _csv(table: list[dict[str, Any]]) -> bytes:
    """With a header; a number that is not there is an empty field."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(table[0]), lineterminator="\n")
    writer.writeheader()
    for row in table:
        writer.writerow({k: "" if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()})
    return buffer.getvalue().encode()


def _print(rows: list[Row]) -> None:
    table = Table(caption="median over seeds; decay rate in nats per step, horizon in steps, before → after training")
    for name in ("task", "T", "variant", "seeds", "held-out loss", "no memory", "decay rate", "horizon"):
        table.add_column(name, justify="left" if name in ("task", "variant") else "right")
    for row in rows:
        task, length, variant, trials = row.group
        states = [f"{row.status[status]} {status}" for status in ("failed", "unfinished") if row.status[status]]
        seeds = ", ".join([str(len(trials)), *states])
        loss, floor = page.digits(row.heldout.median), page.digits(row.floor)
        changes = _change(row.decay, ".3f"), _change(row.horizon, "g")
        table.add_row(task, str(length), variant, seeds, loss, floor, *changes)
    console = Console(markup=False)
    if not console.is_terminal:
        console.width = 120
    console.print(table)


def _change(values: tuple[Spread, Spread], form: str) -> str:
    return " → ".join(page.digits(over_seeds.median, form) for over_seeds in values)
