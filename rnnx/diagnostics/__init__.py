"""Measurements of gradient behaviour, one per file.

A measurement is a pure function `measure(evidence) -> {"tag": value}` that reads `Evidence` only, so adding one never
touches the training step. A value is a scalar, a curve over lag `[T]`, or a `Histogram`. Norms are log10; gradients are
those before clipping; NaN in gives NaN out. Every measurement is of the loss at each example's last scored step, so
that lag k, counted back from that step, means the same for many-to-one and many-to-many tasks.

>>> "state_gradient" in names()
True
"""

from collections.abc import Callable

from rnnx import registry
from rnnx.diagnostics.lyapunov import lyapunov_spectrum
from rnnx.types import Array, Evidence, Histogram

__all__ = ["get", "lyapunov_spectrum", "names"]


def names() -> tuple[str, ...]:
    """The names of all measurements."""
    return registry.names(__name__)


def get(name: str) -> Callable[[Evidence], dict[str, Array | Histogram]]:
    """A measurement by name; `ValueError` with the nearest known name if there is none."""
    return registry.get(__name__, name)
