"""Combinators, one per file: each takes cells and gives a cell again, for `rnnx.unroll` and everything else.

`input_attention` and `temporal_attention` are of DA-RNN alone, and not among the names.

>>> "stack" in names()
True
>>> import rnnx
>>> cell = get("stack")(rnnx.lstm(hidden_size=128), rnnx.residual(rnnx.lstm(hidden_size=128)))
"""

from collections.abc import Callable

from rnnx import registry
from rnnx.combinators._by_state import input_attention, temporal_attention
from rnnx.types import Cell

__all__ = ["get", "input_attention", "names", "temporal_attention"]


def names() -> tuple[str, ...]:
    """The names of all combinators."""
    return registry.names(__name__)


def get(name: str) -> Callable[..., Cell]:
    """A combinator by name; `ValueError` with the nearest known name if there is none."""
    return registry.get(__name__, name)
