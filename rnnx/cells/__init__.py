"""Recurrent cells, one per file: the equations, the variant and its source are in each file's docstring.

>>> "lstm" in names()
True
>>> cell = get("lstm")(hidden_size=128)
"""

from collections.abc import Callable

from rnnx import registry
from rnnx.types import Cell


def names() -> tuple[str, ...]:
    """The names of all cells."""
    return registry.names(__name__)


def get(name: str) -> Callable[..., Cell]:
    """The factory of a cell by name; `ValueError` with the nearest known name if there is none."""
    return registry.get(__name__, name)
