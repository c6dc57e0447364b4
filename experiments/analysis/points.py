"""What is to be known of a state besides its numbers: how far it is from the loss, and what has just been read."""

from typing import Any

import numpy as np

from experiments import build
from experiments.config import Config
from rnnx import examples
from rnnx.types import Batch
from rnnx.vocabulary import Vocabulary


def labels(config: Config, batch: Batch, step: np.ndarray, example: np.ndarray) -> dict[str, list[Any]]:
    """Columns for states, each given by how many steps were read before it, 0 … T, and by its example.

    Args:
      config: of the trial.
      batch: what was read.
      step: `[N]`.
      example: `[N]`.

    Returns:
      `lag`, the steps from the state to the last that is scored; `marked`, `read` (a number, or a character or word)
      and `target`, of inputs and targets that have a value at every step. What a batch does not have is left out:
      examples that are not sequences have none of them.
    """
    weights = np.asarray(batch.weights)
    if weights.ndim != 2:
        return {}
    last = len(weights) - np.argmax(weights[::-1] > 0, axis=0)  # how many steps were read at the last scored one
    found: dict[str, list[Any]] = {"lag": (last[example] - step).tolist()}
    vocabulary = build.task(config).vocabulary
    read, target = (_over_time(leaf, len(weights)) for leaf in (batch.inputs, batch.targets))
    if read is not None and read.ndim == 3 and read.shape[-1] > 1 and set(np.unique(read[..., -1])) == {0, 1}:
        found["marked"] = [bool(at > 0 and read[at - 1, b, -1]) for at, b in zip(step, example, strict=True)]
        read = read[..., :-1]
    for name, values in (("read", read), ("target", target)):
        one = None if values is None else values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values
        if one is not None and one.ndim == 2:
            found[name] = [
                _text(one[at - 1, b], vocabulary) if at > 0 else "" for at, b in zip(step, example, strict=True)
            ]
    return found


def _over_time(values: Any, length: int) -> np.ndarray | None:
    """Values of which there is one at every step, else nothing."""
    return np.asarray(values) if hasattr(values, "ndim") and values.ndim >= 2 and len(values) == length else None


def _text(value: Any, vocabulary: Vocabulary | None) -> str:
    if np.issubdtype(np.asarray(value).dtype, np.floating):
        return f"{value:.3g}"
    if vocabulary is None:
        return str(value)
    return examples.visible(vocabulary.decode([int(value)]))
