"""Measurements of all trials of a study: files, pictures, TensorBoard, and what is told while it goes on."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from experiments import analysis, compilation, files
from experiments.analysis import Subject
from experiments.config import ConfigError, restore
from experiments.trial import Trial
from rnnx import files as whole_files
from rnnx.logbook import TensorBoard, write_embedding
from rnnx.logbook.jsonl import plain
from rnnx.logbook.projector import LARGEST
from rnnx.report import analysis as figures
from rnnx.report import study
from rnnx.report.style import png


class Result(NamedTuple):
    """What there is to tell of one measurement of one trial."""

    trial: str
    measure: str
    outcome: str
    """`done`, `already there`, or why it could not be measured."""
    record: dict[str, Any]
    """What the file holds: step, precision, examples and values by tag."""

    @property
    def failed(self) -> bool:
        """There is nothing but a reason."""
        return not self.record


def measure(workdir: Path, names: list[str], checkpoint: str, examples: int) -> int:
    """Measure the trial of a directory, or all finished trials below it; 0 if all could be measured, else 1.

    Raises:
      ConfigError: there is no such trial, or nothing to measure.
    """
    trials = _trials(workdir)
    compilation.keep()
    results = _all(trials, names, checkpoint, examples)
    _print(results)
    for result in results:
        if result.failed:
            print(f"{result.trial}: {result.measure}: {result.outcome}")
    return 1 if any(result.failed for result in results) else 0


def _trials(workdir: Path) -> list[Trial]:
    """The trial that a directory is, or the finished ones below it."""
    try:
        found = study.read(workdir).trials
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if (workdir / "config.json").exists():
        return [Trial(found[0].name, restore(found[0].settings), workdir)]
    done = [Trial(t.name, restore(t.settings), workdir / t.name) for t in found if t.status == "done"]
    if not done:
        raise ConfigError(f"{workdir} has no finished trial; give the directory of a trial to measure it as it is.")
    return done


def _all(trials: list[Trial], names: list[str], checkpoint: str, examples: int) -> list[Result]:
    """Every measurement of every trial, with a live display, or plain lines where there is no terminal."""
    console = Console()
    results: list[Result] = []
    progress = Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        disable=not console.is_terminal,
    )
    with progress:
        bar = progress.add_task("", total=len(trials) * len(names))
        for trial in trials:
            progress.update(bar, description=trial.name)
            subject = analysis.subject(trial, checkpoint, examples)
            for name in names:
                progress.update(bar, description=f"{trial.name}: {name}")
                results.append(_one(trial, subject, name, checkpoint))
                progress.advance(bar)
                if not console.is_terminal:
                    of = f"{len(results)}/{len(trials) * len(names)}"
                    print(f"{of} {trial.name}: {name}: {results[-1].outcome}", flush=True)
    return results


def _one(trial: Trial, subject: Subject, name: str, checkpoint: str) -> Result:
    where = "analysis" if checkpoint == "latest" else "analysis/initial"
    path = trial.directory / where / f"{name}.json"
    of = {"step": subject.step, "precision": "float64", "examples": subject.batch.weights.shape[1]}
    if path.exists():
        there = files.read_json(path)
        if {field: there.get(field) for field in of} == of:
            return Result(trial.name, name, "already there", there)
    try:
        measured = analysis.measure(subject, name)
    except (ValueError, jax.errors.JaxRuntimeError) as error:  # it is not for such a cell, or there is no memory for it
        return Result(trial.name, name, str(error).splitlines()[0], {})
    values = {tag: plain(value) for tag, value in measured.items()}
    drawn = figures.figure(name, values, f"{trial.name}, step {subject.step}")
    with TensorBoard.analysis(trial.directory, f"{checkpoint}_{name}") as board:
        # Under names of their own: in training the same may have been measured in float32, of more examples.
        board.write(subject.step, {f"analysis/{tag}": value for tag, value in measured.items()})
        if drawn is not None:
            board.image(subject.step, f"analysis/{name}/figure", png(drawn, dpi=80))
            whole_files.write(path.with_suffix(".png"), png(drawn))
    if name == "trajectories":
        _project(trial.directory, measured["trajectories/states"])
    files.write_json(path, of | {"values": values})  # last: it says that all is there
    return Result(trial.name, name, "done", of | {"values": values})


def _project(directory: Path, states: np.ndarray) -> None:
    """States `[T + 1, B, S]` for TensorBoard's projector, of as many steps as it can show."""
    T, B, S = states.shape
    steps = np.arange(0, T, -(-T * B // LARGEST))
    labels = {"step": np.repeat(steps, B), "example": np.tile(np.arange(B), len(steps))}
    write_embedding(directory, "states", states[steps].reshape(-1, S), labels)


def _print(results: list[Result]) -> None:
    table = Table()
    for name in ("trial", "step", "measurement", "value"):
        table.add_column(name, justify="left" if name in ("trial", "measurement") else "right")
    for result in results:
        for tag, value in result.record.get("values", {}).items():
            if isinstance(value, int | float):
                table.add_row(result.trial, str(result.record["step"]), tag, f"{value:.4g}")
    console = Console(markup=False)
    if not console.is_terminal:
        console.width = 120
    if table.rows:
        console.print(table)
