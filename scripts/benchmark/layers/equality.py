"""Whether a library computed the same as the float64 reference: nothing is timed that did not."""

import numpy as np

from scripts.benchmark.layers.problem import Answer, Array

# Relative error ‖a - r‖ / ‖r‖ of each array. float32 rounds to 6e-8; sums over 2H ≤ 1024 terms and T·B ≤ 128,000 rows
# and up to T = 1000 contracting steps bring that to 1e-6 … 1e-5, exp and tanh included. A wrong gate order, a missing
# bias or a transposed kernel is above 1e-2 (tests/benchmark/layers/test_equality.py).
TOLERANCE = 1e-4


class UnequalError(Exception):
    """The two disagree; the message says in which array."""


def errors(answer: Answer, reference: Answer) -> dict[str, float]:
    """‖a - r‖ / ‖r‖ of the outputs, of ∂L/∂x and of each gradient of a weight that the library has.

    Raises:
      UnequalError: one of them is above `TOLERANCE`, not finite, or of another shape.
    """
    pairs = {
        "outputs": (answer.outputs, reference.outputs),
        "input_gradient": (answer.input_gradient, reference.input_gradient),
    }
    if len(answer.layers) != len(reference.layers):
        raise UnequalError(f"{len(answer.layers)} layers instead of {len(reference.layers)}")
    for number, (layer, wanted) in enumerate(zip(answer.layers, reference.layers, strict=True)):
        for name in layer._fields:
            if getattr(layer, name) is not None:
                pairs[f"layer {number}, {name}"] = (getattr(layer, name), getattr(wanted, name))
    found = {name: error(name, *pair) for name, pair in pairs.items()}
    worst = max(found, key=lambda name: found[name])
    if not found[worst] <= TOLERANCE:
        raise UnequalError(f"{worst} differs by {found[worst]:.1e} of its norm (tolerance {TOLERANCE:g})")
    return found


def error(name: str, a: Array, reference: Array | None) -> float:
    """‖a - r‖ / ‖r‖, infinite where it is not a number; `UnequalError` for another shape."""
    if reference is None or a.shape != reference.shape:
        wanted = None if reference is None else list(reference.shape)
        raise UnequalError(f"{name} has shape {list(a.shape)} instead of {wanted}")
    error = np.linalg.norm(a.astype(np.float64) - reference) / np.linalg.norm(reference)
    return float(error) if np.isfinite(error) else float("inf")
