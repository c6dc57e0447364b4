"""What a trial has come to, in the line that a person reads when it ends."""

import math
from pathlib import Path
from typing import NamedTuple

from experiments.sparkline import sparkline
from rnnx.logbook.jsonl import last_record
from rnnx.logbook.run_directory import METRICS
from rnnx.report import parts


class Part(NamedTuple):
    """A recurrent part of the model, and how far back its gradient reaches."""

    name: str
    """Empty where it is the only one."""
    reach: float
    """The largest lag with at least 1 % of the gradient left."""
    log10_norm: list[float]
    """The gradient against lag."""

    @property
    def share(self) -> str:
        """The reach, of the largest lag that there is."""
        last = max((k for k, value in enumerate(self.log10_norm) if not math.isnan(value)), default=0)
        return f"{'–' if math.isnan(self.reach) else f'{self.reach:g}'}/{last}"


class Result(NamedTuple):
    """Of the last measurement."""

    heldout_loss: float
    """NaN where it was not measured."""
    parts: list[Part]

    def __str__(self) -> str:
        """For example `held-out loss 0.1059, reach 15/15`; empty where nothing was measured."""
        return ", ".join(self.columns(drawn=False))

    def columns(self, *, drawn: bool) -> list[str]:
        """The loss, and the reach of each part, with its curve if it is to be `drawn`."""
        told = [] if math.isnan(self.heldout_loss) else [f"held-out loss {self.heldout_loss:.4f}"]
        for part in self.parts:
            if not drawn:
                told.append(f"{part.name} reach {part.share}".lstrip())
            elif part.name:  # there are several, and a line has room for two
                told.append(f"{part.name} {part.share} {sparkline(part.log10_norm)}")
            else:
                told += [f"reach {part.share}".ljust(_REACH), sparkline(part.log10_norm)]
        return told


def read(directory: Path) -> Result:
    """That of a trial's directory, as far as there is one: that it can't be read ends nothing."""
    try:
        record = last_record(directory / METRICS) or {}
    except OSError:
        record = {}
    found = [
        Part(name, float(record[f"{tag}/reach"]), record[f"{tag}/log10_norm"])
        for name in parts.names(record, "state_gradient")
        for tag in [f"{parts.prefix(name)}{_STATE}"]
        if f"{tag}/reach" in record and f"{tag}/log10_norm" in record
    ]
    return Result(float(record.get("heldout/loss", math.nan)), found)


_STATE = "state_gradient/state"
_REACH = len("reach 127/127")
"""Columns, so that curves stand below each other."""
