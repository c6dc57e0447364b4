"""The best measurement of a trial, the parameters that it is of, and whether to wait for a better one.

Which one is the best follows from the record alone. Its parameters are kept in memory, and written whenever a
checkpoint is, before it: so each checkpoint has on disk what was the best until then, and a trial that resumes goes on
as if it had not been killed. What was the best before is kept too, for the checkpoint before; and what was before the
last step, where a trial of more steps is not measured.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.build import LOSS
from rnnx.logbook.parameters import load_parameters, save_parameters
from rnnx.types import Params

_KEPT = 3


class Best(NamedTuple):
    """Of the measurements in a record."""

    step: int
    value: float
    waited: int
    """How many measurements came after it, none of which is better."""


def best(records: Iterable[dict[str, Any]], metric: str, found: Best | None = None) -> Best | None:
    """The best measurement, the first of equals; `None` if there is none that is a number.

    `found` is the best of those before these records.

    The loss is the better the smaller it is, and every score the larger it is.

    >>> best([{"step": s, "heldout/loss": x} for s, x in ((0, 0.7), (10, 0.2), (20, 0.3), (30, 0.2))], "heldout/loss")
    Best(step=10, value=0.2, waited=2)
    """
    sign = 1 if metric == LOSS else -1
    for record in records:
        value = record.get(metric)
        if value is None:
            continue
        if not np.isnan(value) and (found is None or sign * value < sign * found.value):
            found = Best(record["step"], value, 0)
        elif found is not None:
            found = found._replace(waited=found.waited + 1)
    return found


class BestParameters:
    """The parameters of the best measurement of one trial."""

    def __init__(self, directory: Path):
        """Keep them in a directory, in a file named by the step."""
        self._directory = directory
        self._step: int | None = None
        self.params: Params = None

    def restore(self, step: int | None, like: Params) -> bool:
        """Read those of a step; whether they are there, whole. Nothing is needed where there is no such step."""
        params = None if step is None else load_parameters(self._path(step), like)
        if step is not None and params is None:
            return False
        self._step, self.params = step, params
        return True

    def discard_after(self, step: int | None) -> None:
        """Forget and delete what is of later steps, all if `None`."""
        if self._step is not None and (step is None or self._step > step):
            self._step, self.params = None, None
        for later in self._steps():
            if step is None or later > step:
                self._path(later).unlink()

    def keep(self, step: int, params: Params) -> None:
        """Take those of a step in place of the ones before."""
        # Copied: training will use up the memory that they are in.
        self._step, self.params = step, jax.tree.map(np.array, params)

    def save(self) -> None:
        """Put them on disk, if they are not there."""
        if self._step is None or self._path(self._step).exists():
            return
        save_parameters(self._path(self._step), self.params)
        for earlier in self._steps()[:-_KEPT]:
            self._path(earlier).unlink()

    def _path(self, step: int) -> Path:
        return self._directory / f"{step}.npz"

    def _steps(self) -> list[int]:
        return sorted(int(path.stem) for path in self._directory.glob("*.npz") if path.stem.isdigit())
