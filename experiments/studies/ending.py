"""What a command says when its trials have ended: what they came to in brief, where the report is, and what is next."""

import math
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rnnx.logbook.files import read_json
from rnnx.logbook.run_directory import ANALYSIS, DONE, EXAMPLE, FAILED, METRICS, VOCABULARY
from rnnx.report import board, study, summary, terminal, words
from rnnx.report.pages.format import digits
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow
from rnnx.report.trial import Trial
from rnnx.types import Example
from rnnx.vocabulary import UNKNOWN

_MOST_ROWS = 40
"""Groups in the table; of more, the report tells."""


def show(workdir: Path, *, report: bool) -> None:
    """Print it, and make the report if it is asked for and not up to date; what goes wrong with it is said, no more."""
    command = f"{_python()} -m experiments.report --workdir={shlex.quote(str(workdir))}"
    console = Console(markup=False, highlight=False)
    try:
        # It may take some seconds, of many trials.
        with console.status("making the report (--noreport leaves it out)" if report else "reading the results"):
            of = study.read(workdir)
            rows = summary.rows(of)
            page = workdir / "report" / "index.html"
            if report and not _up_to_date(page, of, workdir):
                terminal.write(of, rows, workdir, page.parent)
                board.write(of, workdir, sections=True)
    except Exception as error:  # the trials have ended as they have, whatever their report is like
        print(f"no report: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        print(f"report       {command}")
        return
    _print_table(console, rows)
    print(f"report       {page if report else command}")
    print(f"TensorBoard  {_python()} -m experiments.board {shlex.quote(str(workdir))}")
    print(f"next         {_next(of, workdir)}")


def _up_to_date(page: Path, of: Study, workdir: Path) -> bool:
    """Whether no trial has a record that is newer than the page."""
    return page.exists() and all(path.stat().st_mtime <= page.stat().st_mtime for path in _records(of, workdir))


def _records(of: Study, workdir: Path) -> Iterator[Path]:
    for trial in of.trials:
        directory = workdir / trial.folder
        yield from (path for name in (METRICS, DONE, FAILED) if (path := directory / name).exists())
        yield from (directory / ANALYSIS).rglob("*.json")


def _next(of: Study, workdir: Path) -> str:
    """The command that comes next: the same one where it has something left to do, else one that looks closer."""
    if any(_goes_on(trial, workdir / trial.folder) for trial in of.trials):
        return shlex.join([_python(), "-m", f"experiments.{Path(sys.argv[0]).stem}", *sys.argv[1:]])
    writers = [directory for t in of.trials if ((directory := workdir / t.folder) / VOCABULARY).exists()]
    if writers:
        return f"{_python()} -m experiments.generate --workdir={shlex.quote(str(writers[-1]))}{_source(writers[-1])}"
    asked = [(t, t.example) for t in of.trials if t.example and t.origin.get("task_facts", {}).get("tells_class")]
    if asked and asked[-1][1].kind in ("text", "tree"):
        trial, example = asked[-1]
        place = shlex.quote(str(workdir / trial.folder))
        return f"{_python()} -m experiments.predict --workdir={place} {_text(example)}"
    # The cell of a tree has no step, so that there is no product of Jacobians along one.
    over_trees = any(t.example and t.example.kind == "tree" for t in of.trials)
    diagnostic = "noise_scale" if over_trees else "lyapunov"
    return f"{_python()} -m experiments.analyze --workdir={shlex.quote(str(workdir))} --diagnostics={diagnostic}"


def _text(example: Example) -> str:
    """The flag that gives `experiments.predict` an example, without words that nobody can type."""
    if example.kind != "tree":
        read = "".join(piece for piece in example.data["pieces"] if piece.strip() != UNKNOWN)
        return f"--sentence={shlex.quote(read.strip() or '…')}"
    parts: list[str] = []
    instead = {UNKNOWN: "…", "(": "-LRB-", ")": "-RRB-"}
    for word, (left, right) in zip(example.data["words"], example.data["children"], strict=True):
        parts.append(instead.get(word, word) if left < 0 else f"({parts[left]} {parts[right]})")
    return f"--tree={shlex.quote(parts[-1])}"


def _source(directory: Path) -> str:
    """For a model of sequence to sequence what it may write to, the source of the example that its trial keeps."""
    if "source" not in read_json(directory / VOCABULARY):
        return ""
    example = read_json(directory / EXAMPLE)
    pieces = example["data"].get("pieces", "")[: example["steps"].get("encoder")]
    read = "".join(piece for piece in pieces if piece.strip() != UNKNOWN)  # which nobody can type
    return f" --source={shlex.quote(read.strip() or '…')}"


def _python() -> str:
    """How this Python is called here: by its name where a shell finds it by that, or else by its place."""
    found, this = shutil.which("python"), Path(sys.executable)
    if found and Path(found).absolute().parent == this.parent:
        return "python"
    return str(this.relative_to(Path.cwd()) if this.is_relative_to(Path.cwd()) else this)


def _goes_on(trial: Trial, directory: Path) -> bool:
    """Whether a trial that has begun can be brought to its end; one that diverged would do so again."""
    if trial.status == "failed":
        return not read_json(directory / FAILED).get("diverged", False)
    return trial.status == "unfinished"


def _tested(row: SummaryRow, several: bool) -> str:
    """What the test split told of the last parameters, for example `test  gru, T = 14: loss 0.243, exact 0.571`."""
    variant = words.without_part(row.group.variant)
    told = (f"{name.replace('_', ' ')} {digits(last.median)}" for name, (last, _) in row.test.items())
    network = ", ".join([*([row.group.task] if several else []), variant, f"T = {row.group.length}"])
    return f"test  {network}: {', '.join(told)}"


def _beside_baselines(rows: list[SummaryRow], several: bool) -> Table:
    """The same of networks for one task and length, and below them of simple predictors."""
    task, length, *_ = rows[0].group
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(rows[0].test)
    table.add_column(", ".join([*([task] if several else []), f"test, T = {length}"]))
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    networks = {words.without_part(row.group.variant): row for row in rows}  # a row a part
    for network, row in networks.items():
        table.add_row(network, *(digits(row.test[name][0].median if name in row.test else math.nan) for name in names))
    for baseline, numbers in rows[0].baselines.items():
        table.add_row(baseline, *(digits(numbers.get(name, math.nan)) for name in names))
    return table


def _compared(row: SummaryRow) -> str:
    """Which of these a network is better than."""
    return f"{words.without_part(row.group.variant)}: {summary.against_baselines(row)}, by the loss"


def _print_table(console: Console, rows: list[SummaryRow]) -> None:
    several = len({row.group.task for row in rows}) > 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("task", "T", "network", "held-out loss", "no memory", "reach", "solved"):
        if heading != "task" or several:
            table.add_column(heading, justify="left" if heading in ("task", "network", "solved") else "right")
    for row in rows[:_MOST_ROWS]:
        task, length, variant, _ = row.group
        loss, reach = (digits(row.of(key).median, form) for key, form in (("heldout_loss", ""), ("reach", "g")))
        solved = ", ".join([row.remembering, *row.troubles])
        cells = [str(length), variant, loss, digits(row.floor), reach, solved]
        table.add_row(*([task, *cells] if several else cells))
    if not console.is_terminal:
        console.width = 120
    console.print("", table)
    if len(rows) > _MOST_ROWS:
        print(f"… and {len(rows) - _MOST_ROWS} more, in the report.")
    shown = rows[:_MOST_ROWS]
    for line in dict.fromkeys(_tested(row, several) for row in shown if row.test and not row.baselines):  # a row a part
        print(line)
    for task, length in dict.fromkeys((row.group.task, row.group.length) for row in shown if row.baselines):
        alike = [row for row in shown if row.baselines and (row.group.task, row.group.length) == (task, length)]
        console.print(_beside_baselines(alike, several), "")
        for line in dict.fromkeys(_compared(row) for row in alike):
            print(line)
    medians = "medians over seeds; " if any(row.seeds > 1 for row in rows) else ""
    print(f"{medians}reach: the largest lag with 1 % of the gradient left\n")
