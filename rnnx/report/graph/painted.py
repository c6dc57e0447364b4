"""The gradient at every step of a graph, as a tint."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnx.report.on_data import _cells

Norms = Mapping[str, Mapping[int, float]]
"""log10 ‖∂L/∂s_t‖ at each step of each part."""

Tint = tuple[Any, str]


def painted(norms: Norms) -> dict[str, dict[int, Tint]]:
    """Colour and hatching of each step of each part, by log10 ‖∂L/∂s_t‖ over the largest of all."""
    largest = max((norm for of in norms.values() for norm in of.values() if np.isfinite(norm)), default=0.0)
    made = {}
    for name, of in norms.items():
        tints = _cells.tints(np.array(list(of.values())) - largest)
        made[name] = {
            step: (tuple(color), hatch) for step, color, hatch in zip(of, tints.colors, tints.hatches, strict=True)
        }
    return made
