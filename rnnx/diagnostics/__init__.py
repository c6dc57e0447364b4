"""Measurements of gradient behaviour, one per file.

A measurement is a pure function `measure(flow) -> {"tag": value}` that reads `GradientFlow` only, so adding one never
touches the training step. A value is a scalar, a curve over lag `[T]`, or a `Histogram`. Norms are log10; gradients are
those before clipping; NaN in gives NaN out. Every measurement is of the loss at each example's last scored step, so
that lag k, counted back from that step, means the same for many-to-one and many-to-many tasks.

>>> "state_gradient" in names()
True
"""

from collections.abc import Callable, Iterable, Mapping

from rnnx import registry
from rnnx.diagnostics._tags import Tag
from rnnx.dynamics.lyapunov import lyapunov_spectrum
from rnnx.types import Array, GradientFlow, Histogram

__all__ = ["Tag", "get", "lyapunov_spectrum", "measured", "names", "tags"]


def names() -> tuple[str, ...]:
    """The names of all measurements."""
    return registry.names(__name__)


def measured(names: Iterable[str], flows: Mapping[str, GradientFlow]) -> dict[str, Array | Histogram]:
    """What diagnostics say of every recurrent part; tags begin with the name of the part where there are several.

    >>> measured(["gates"], {})
    {}
    """
    tags: dict[str, Array | Histogram] = {}
    for part, flow in flows.items():
        prefix = f"{part}/" if len(flows) > 1 else ""
        for name in names:
            values = get(name)(flow)
            if not isinstance(values, dict):
                raise ValueError(f"the diagnostic {name!r} must return a dict of tags, not {type(values).__name__}.")
            tags |= {prefix + tag: value for tag, value in values.items()}
    return tags


def tags(name: str) -> tuple[Tag, ...]:
    """What a diagnostic declares of its tags; `ValueError` as in `get`.

    >>> [tag.name for tag in tags("omega")]
    ['omega/value']
    """
    return registry.module(__name__, name).TAGS


def get(name: str) -> Callable[[GradientFlow], dict[str, Array | Histogram]]:
    """A measurement by name; `ValueError` with the nearest known name if there is none."""
    return registry.get(__name__, name)
