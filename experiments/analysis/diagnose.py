"""Measurements of all trials of a study: files, pictures, TensorBoard, and what is told while it goes on."""

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from experiments import build, user_modules
from experiments.analysis import checkpoints, points
from experiments.analysis.checkpoints import Subject
from experiments.analysis.results import Result, show, when
from experiments.analysis.titles import titles
from experiments.config import ConfigError, difference, restore
from experiments.trials import compilation
from experiments.trials.trial import Trial
from rnnx import examples
from rnnx.logbook import TensorBoard, files, write_embedding
from rnnx.logbook.jsonl import plain
from rnnx.logbook.projector import LARGEST
from rnnx.logbook.run_directory import ANALYSIS, CONFIG, INITIAL
from rnnx.pytrees import flatten_dict
from rnnx.references import file_name, is_reference, told
from rnnx.report import figures, study
from rnnx.report.figures._style import png


def measure(workdir: Path, names: list[str], checkpoint: str, examples: int) -> int:
    """Measure the trial of a directory, or all finished trials below it; 0 if all could be measured, else 1.

    Raises:
      StudyError, ConfigError: there is no such trial, or nothing to measure.
    """
    trials = _trials(workdir)
    compilation.enable_cache()
    results = _all(trials, list(dict.fromkeys(names)), checkpoint, examples)
    show(results, workdir)
    return 1 if any(result.failed for result in results) else 0


def _trials(workdir: Path) -> list[Trial]:
    """The trial that a directory is, or the finished ones below it."""
    found = study.read(workdir).trials
    if (workdir / CONFIG).exists():
        return [_trial(found[0], workdir)]
    done = [_trial(one, workdir / one.name) for one in found if one.status == "done"]
    if not done:
        raise ConfigError(f"{workdir} has no finished trial; give the directory of a trial to measure it as it is.")
    return done


def _trial(found: study.Trial, directory: Path) -> Trial:
    """A trial with its config, and with the modules of the user's that it was made with."""
    there = found.origin.get("modules", {})
    user_modules.make_importable(directory, there)
    trial = Trial(found.name, restore(found.config), directory)
    changed = difference(*map(user_modules.contents, (there, user_modules.record(trial.config))))
    if changed:
        print(f"{trial.name}: a module has changed since it was trained: {changed}.", file=sys.stderr)
    return trial


def _all(trials: list[Trial], names: list[str], checkpoint: str, examples: int) -> list[Result]:
    """Every measurement of every trial, with a live display, or plain lines where there is no terminal."""
    console = Console()
    results: list[Result] = []
    whose = titles(trials)
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
            subject = checkpoints.subject(trial, checkpoint, examples)
            for name in names:
                progress.update(bar, description=f"{trial.name}: {name}")
                results.append(_one(trial, whose[trial.directory], subject, name, checkpoint))
                progress.advance(bar)
                if not console.is_terminal:
                    of = f"{len(results)}/{len(trials) * len(names)}"
                    print(f"{of} {trial.name}: {name}: {results[-1].outcome}", flush=True)
    return results


def _one(trial: Trial, title: str, subject: Subject, name: str, checkpoint: str) -> Result:
    path = trial.directory / (ANALYSIS if checkpoint == "latest" else INITIAL) / f"{file_name(name)}.json"
    of = checkpoints.conditions(subject, name)

    def result(outcome: str, record: dict[str, Any]) -> Result:
        return Result(trial.name, title, name, outcome, record, path.parent)

    if path.exists():
        there = files.read_json(path)
        if {field: there.get(field) for field in of} == of:
            return result("already there", there)
    try:
        measured = checkpoints.measure(subject, name)
    except (ValueError, jax.errors.JaxRuntimeError) as error:  # it is not for such a cell, or there is no memory for it
        return result(str(error).splitlines()[0], {})
    except Exception as error:
        own = next((one for one in (name, *build.references(trial.config)) if is_reference(one)), None)
        if own is None:
            raise
        return result(told(own, error), {})  # it is the user's code and may raise anything
    values = {tag: plain(value) for tag, value in measured.items()}
    facts = {field: flatten_dict(trial.config.to_dict())[field] for field in ("cell.name", "task.length", "batch_size")}
    example = examples.first(build.task(trial.config), jax.device_get(subject.batch))
    record = {"step": subject.step, "precision": of["precision"], "example": example} | facts | values
    pictures = list(figures.pictures(name, record, f"{title}, {when(subject.step)}"))
    with TensorBoard.analysis(trial.directory, f"{checkpoint}_{file_name(name)}") as board:
        # Under names of their own: in training the same may have been measured in float32, of more examples.
        board.write(subject.step, {f"analysis/{tag}": value for tag, value in measured.items()})
        for part, tag, figure in pictures:
            board.image(subject.step, f"analysis/{tag}", png(figure, dpi=80))
            file = "-".join([file_name(name), *part.split("/")] if part else [file_name(name)])
            files.write(path.with_name(f"{file}.png"), png(figure))
    if name == "trajectories":
        for tag, states in measured.items():  # one for each part of the model
            if tag.endswith("trajectories/states"):
                _project(trial.directory, tag.replace("trajectories/", "").replace("/", "-"), states, subject)
    files.write_json(path, of | {"values": values})  # last: it says that all is there
    return result("done", of | {"values": values})


def _project(directory: Path, name: str, states: np.ndarray, subject: Subject) -> None:
    """States `[T + 1, B, S]` for TensorBoard's projector, of as many steps as it can show, each example a path."""
    T, B = states.shape[:2]
    steps = np.arange(0, T, -(-T * B // LARGEST))
    step, example = (axis.ravel() for axis in np.meshgrid(steps, np.arange(B), indexing="ij"))
    there = np.isfinite(states[step, example]).all(axis=1)  # not past the end of an example
    step, example = step[there], example[there]
    labels: dict[str, Any] = {"step": step, "example": example}
    if name == "states":  # of a model of one part, whose steps are those of the data
        labels |= points.labels(subject.config, subject.batch, step, example)
    write_embedding(directory, name, states[step, example], labels, paths=example)
