"""Where trials run, one file each: `executor(groups, options, update)` runs them all and reports each `Progress`.

An executor runs the same function everywhere, `experiments.trials.loop.run`, which does what is left of a trial in the
trial's own directory. So a sweep that was stopped under one executor goes on under another.

>>> "local" in names()
True
"""

from collections.abc import Callable
from typing import NamedTuple

from experiments.trials.trial import Progress, TrialGroup
from rnnx import registry


class Options(NamedTuple):
    """How much at a time, for how long, and what one executor alone can be told."""

    jobs: int | None
    """Groups at a time; `None` for as many as there is room for."""
    timeout: float
    """Seconds that a group may take; 0 for no limit."""
    settings: dict[str, str]
    """By name, as given at the command line."""


Executor = Callable[[list[TrialGroup], Options, Callable[[Progress], None]], None]
"""(groups, options, update): run every group, and report on each trial.

It raises `interruption.Interrupted` when a signal asks for an end, once the jobs that run have saved their state, and
`ConfigError` for settings that can't be used."""

GRACE = 30.0
"""Seconds that a job has to save its state and leave, once it was asked to."""

KILLED = "its process was killed; run again to resume"


def names() -> tuple[str, ...]:
    """The names of all executors."""
    return registry.names(__name__)


def get(name: str) -> Executor:
    """An executor by name.

    Raises:
      ValueError: there is none of that name, and the message tells the nearest; or what it needs is not installed.
    """
    return registry.get(__name__, name)
