"""Things to learn, one per file: where the data come from and which variant it is stands in each file's docstring.

A task is made by a factory of the file's name and is a `rnnx.Task`. The classic layouts are weights over time:
many-to-one scores the last step only, many-to-many scores all.

>>> "adding" in names()
True
>>> get("adding")().baseline_loss(100)
0.16666666666666666
"""

from collections.abc import Callable

from rnnx import registry
from rnnx.types import Task


def names() -> tuple[str, ...]:
    """The names of all tasks."""
    return registry.names(__name__)


def get(name: str) -> Callable[..., Task]:
    """The factory of a task by name; `ValueError` with the nearest known name if there is none."""
    return registry.get(__name__, name)
