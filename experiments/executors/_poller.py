"""How far trials are that run elsewhere: their records tell, on the file system that all machines share."""

import json
import math
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from experiments.trials.trial import Progress, Trial
from rnnx.logbook.run_directory import METRICS

EVERY = 2.0
"""Seconds between two looks: each asks for the size of a file per trial, perhaps over a network."""


class MetricsPoller:
    """What is new in the records of some trials."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._looked = -math.inf
        self.steps: dict[str, int] = {}
        """The last step seen of each trial."""

    def news(self, trials: Iterable[Trial]) -> Iterator[Progress]:
        """The last step of each trial whose record has changed since the last look; nothing if that was just now."""
        if time.monotonic() < self._looked + EVERY:
            return
        self._looked = time.monotonic()
        for trial in trials:
            path = trial.directory / METRICS
            size = path.stat().st_size if path.exists() else 0
            if size == self._sizes.get(trial.name, 0):
                continue
            self._sizes[trial.name] = size
            record = last_record(path)
            if record:
                self.steps[trial.name] = record["step"]
                yield Progress(trial.name, record["step"], record.get("train/loss", math.nan))


def last_record(path: Path) -> dict[str, Any] | None:
    """The last whole line of a file of JSON lines, read from its end; `None` if there is none."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        length = min(size, 1 << 14)
        while True:
            file.seek(size - length)
            lines = file.read(length).split(b"\n")  # the first may be cut; the last is not whole yet, or empty
            if len(lines) > 2 or length == size:
                break
            length = min(size, 4 * length)
    try:
        return json.loads(lines[-2]) if len(lines) > 1 else None
    except ValueError:  # cut by a crash of the machine: whoever resumes the trial repairs it
        return None
