"""The libraries that are compared, one per file: how each is written, in which layout, and its conventions.

A library's file has
    PACKAGES      the distributions whose versions are recorded, its own first
    LAYOUT        the layout of its inputs and outputs
    FORM          cell -> how the network is written, for the page
    REFERENCE     cell -> options of rnnx's cell that make it the same function, where it is another variant
    build         (Problem, **settings) -> Network
"""

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from scripts.benchmark.layers.problem import Answer

OURS = "rnnx"


class Network(NamedTuple):
    """A problem in a library: weights and inputs lie on the device in the library's own layout, ready to be timed."""

    forward: Callable[[], Any]
    """() -> outputs, finished."""
    backward: Callable[[], Any]
    """() -> loss, ∂L/∂x and the gradient of all weights, finished."""
    answer: Callable[[Any, Any], Answer]
    """(what forward gave, what backward gave) -> the same in rnnx's layout."""


def names() -> tuple[str, ...]:
    """The libraries, by file name.

    >>> names()
    ('equinox', 'flax', 'haiku', 'keras', 'rnnx', 'torch')
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def get(name: str) -> ModuleType:
    """A library's file; `ImportError` if the library is not installed."""
    return importlib.import_module(f"{__name__}.{name}")
