"""Where trials run, one file each: `executor(trials, jobs, update)` runs them all and reports each `Update`.

>>> "local" in names()
True
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from rnnx import registry


class Update(NamedTuple):
    """News of a trial."""

    trial: str
    step: int
    loss: float
    outcome: str | None = None
    """`None` while it runs, "done", or why it failed."""


Executor = Callable[[list[Any], int, Callable[[Update], None]], None]
"""(trials, jobs, update): run every trial, at most `jobs` at a time, and report on each."""


def names() -> tuple[str, ...]:
    """The names of all executors."""
    return registry.names(__name__)


def get(name: str) -> Executor:
    """An executor by name; `ValueError` with the nearest known name if there is none."""
    return registry.get(__name__, name)
