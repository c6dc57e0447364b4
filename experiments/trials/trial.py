"""Trials: train a cell on a task, measure it on the way, and leave a record that can be resumed and read.

A trial is idempotent in its own directory: run again it does what is left to do, which may be nothing. Trials that
differ only in what their program takes as input can be trained together, each with a directory of its own still.
"""

import math
from pathlib import Path
from typing import NamedTuple

import jax

from experiments.config import Config, ConfigError, difference
from rnnx.logbook import files
from rnnx.logbook.run_directory import CONFIG, DONE, FAILED


class DivergedError(Exception):
    """Loss or gradient stopped being finite."""

    def __init__(self, step: int, why: str = ""):
        """At which step, the first of which is 1, and why where that is known."""
        super().__init__(f"loss or gradient is not finite at step {step}{why}")
        self.step = step


class Trial(NamedTuple):
    """A config and the place it is run in."""

    name: str
    config: Config
    directory: Path


class TrialGroup(NamedTuple):
    """Trials that differ only in what a compiled program takes as input: see `experiments.build.program_key`."""

    trials: tuple[Trial, ...]
    vmap_width: int
    """Width of the program, at least the number of trials; 1 for a program without `vmap`.

    The last bits of a result depend on it, so a trial keeps the width that it began with."""
    data_parallel: bool = False
    """Whether each batch of its single trial is split over all devices."""
    profile: bool = False
    """Whether to leave a trace of some dispatches, in the directory of the first trial."""

    @property
    def num_devices(self) -> int:
        """On how many devices the program runs: trials side by side on all that there are, if each gets as many."""
        everywhere = self.data_parallel if self.vmap_width == 1 else self.vmap_width % jax.device_count() == 0
        return jax.device_count() if everywhere else 1


COMPILING = "compiling"
"""What a phase begins with that a program waits for once."""


class Progress(NamedTuple):
    """News of a trial."""

    trial: str
    step: int
    loss: float
    outcome: str | None = None
    """`None` while it runs, "done", or why it failed."""
    phase: str = ""
    """What it is at, such as `measuring`, or as `compiling` says it; empty where that is training."""
    seconds: float = math.nan
    """How long the training steps since the news before took; to compile, measure and save is not in it."""


def compiling(config: Config) -> str:
    """The phase of a trial whose program is made."""
    return f"{COMPILING} {config.cell.name}, T = {config.length}"


def finished(trial: Trial) -> bool:
    """Whether the trial is done, with this config; one of fewer steps is not, and goes on.

    Raises:
      ConfigError: the directory holds a trial of another config; the message names the fields that differ.
    """
    path = trial.directory / CONFIG
    if path.exists():
        there, here = files.read_json(path)["config"], trial.config.to_dict()
        grown = there.get("steps", 0) < here["steps"]
        other = difference(there | {"steps": here["steps"]}, here)
        differing = other if grown else difference(there, here)
        if differing:
            advice = "Choose another --workdir" + ("." if other else ", or at least as many steps as there.")
            raise ConfigError(f"{trial.directory} holds a trial of another config: {differing}. {advice}")
        if grown:
            return False
    return (trial.directory / DONE).exists()


def diverged(trial: Trial) -> str | None:
    """Why a trial can't be brought to its end: it would diverge again at the same step."""
    path = trial.directory / FAILED
    failure = files.read_json(path) if path.exists() else {}
    return failure["error"] if failure.get("diverged") else None
