"""One trial: train a cell on a task, measure it on the way, and leave a record that can be resumed and read.

A trial is idempotent in its own directory: run again it does what is left to do, which may be nothing.
"""

import dataclasses
import functools
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments import files, provenance
from experiments.config import Config, ConfigError, build, difference
from experiments.layout import by_cell, layout
from rnnx.clipping import clipping
from rnnx.logbook import Checkpoints, MetricsFile, TensorBoard
from rnnx.report import against_lag, analysis
from rnnx.report.style import png
from rnnx.settings import flatten
from rnnx.training import StepMetrics

Progress = Callable[[int, float], None]
"""(steps done, loss)."""


class DivergedError(Exception):
    """Loss or gradient stopped being finite."""


class Trial(NamedTuple):
    """A config and the place it is run in."""

    name: str
    config: Config
    directory: Path


def finished(trial: Trial) -> bool:
    """Whether the trial is done, with this config.

    Raises:
      ConfigError: the directory holds a trial of another config; the message names the fields that differ.
    """
    path = trial.directory / "config.json"
    if path.exists():
        there = files.read_json(path)["config"]
        differing = difference(there, trial.config.to_dict())
        if differing:
            raise ConfigError(
                f"{trial.directory} holds a trial of another config: {differing}. Choose another --workdir."
            )
    return (trial.directory / "DONE.json").exists()


def run(trial: Trial, progress: Progress) -> None:
    """Do what is left of a trial.

    Raises:
      ConfigError: as `finished`.
      DivergedError: loss or gradient is not finite; FAILED.json names the step, the last checkpoint is from before.
    """
    if finished(trial):
        return
    trial.directory.mkdir(parents=True, exist_ok=True)
    (trial.directory / "FAILED.json").unlink(missing_ok=True)
    provenance.record(trial.directory / "config.json", trial.config)
    started = time.monotonic()
    try:
        last = _train(trial, progress)
    except Exception as error:
        files.write_json(trial.directory / "FAILED.json", {"error": f"{type(error).__name__}: {error}"})
        raise
    final = {tag: value for tag, value in last.items() if isinstance(value, float)}
    seconds = round(time.monotonic() - started, 2)
    files.write_json(
        trial.directory / "DONE.json", {"steps": trial.config.steps, "seconds_of_last_session": seconds, "final": final}
    )


def _train(trial: Trial, progress: Progress) -> dict[str, Any]:
    """Train to the end; the last record."""
    config, directory, seed = trial.config, trial.directory, trial.config.seed
    program = _program(dataclasses.replace(config, seed=0))
    checkpoints = Checkpoints(directory / "checkpoints")
    restored = checkpoints.restore_latest(jax.eval_shape(program.init, seed))
    resume_step, state = restored or (None, program.init(seed))

    with MetricsFile(directory / "metrics.jsonl", resume_step) as metrics, TensorBoard(directory, resume_step) as board:

        def log(step: int, values: dict[str, Any]) -> None:
            metrics.write(step, values)
            board.write(step, values | by_cell(config.cell.name, values))
            for tag, picture in _pictures(trial, metrics.records):
                board.image(step, tag, picture)

        if resume_step is None:
            shown = ["heldout/loss", "state_gradient/state/horizon"]
            board.start(flatten(config.to_dict()), shown, layout(config.cell.name, config.measurements))
            log(0, jax.device_get(program.measure(state, seed)))
        step = resume_step or 0
        progress(step, math.nan)
        while step < config.steps:
            state, taken = program.train(state, seed)
            values = _summarise(step, jax.device_get(taken), config.clip_norm or None)
            step += config.log_every
            if step % config.measure_every == 0 or step == config.steps:
                values |= jax.device_get(program.measure(state, seed))
            log(step, values)
            if step % config.checkpoint_every == 0 or step == config.steps:
                # The record first: a checkpoint must never know of a step that the record lacks.
                metrics.flush()
                board.flush()
                checkpoints.save(step, state)
            progress(step, values["train/loss"])
        board.finish(step)
        return metrics.records[-1]


_NOT_DRAWN = ("gates", "input_gradient")
"""In training: gates have their histograms, and the gradient of the inputs goes much as that of the state."""


def _pictures(trial: Trial, records: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Tag and PNG of what the last record measured, a picture a measurement; each takes a tenth of a second."""
    now = records[-1]
    if "state_gradient/state/log10_norm" in now:
        yield "state_gradient/against_lag", png(against_lag.draw_trial(trial.name, records[0], now), dpi=80)
    for name in (name for name in trial.config.measurements if name not in _NOT_DRAWN):
        drawn = analysis.figure(name, now, f"{trial.name}, step {now['step']}")
        if drawn is not None:
            yield f"{name}/figure", png(drawn, dpi=80)


# Trials that differ only in their seed share one compiled program.
_program = functools.lru_cache(maxsize=1)(build)


def _summarise(before: int, taken: StepMetrics, clip_norm: float | None) -> dict[str, Any]:
    """What K training steps say in a few numbers."""
    bad = np.flatnonzero(~(np.isfinite(taken.loss) & np.isfinite(taken.gradient_norm)))
    if bad.size:
        raise DivergedError(f"loss or gradient is not finite at step {before + bad[0] + 1}")
    return {
        "train/loss": taken.loss.mean(),
        "train/gradient_norm": np.median(taken.gradient_norm),
        "train/gradient_norm_max": taken.gradient_norm.max(),
        **{f"train/{name}": value for name, value in clipping(taken.gradient_norm, clip_norm).items()},
    }
