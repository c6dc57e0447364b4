"""How far trials are that run elsewhere: their records tell, on the file system that all machines share."""

import math
import time
from collections.abc import Iterable, Iterator

from experiments.trials.trial import Progress, Trial, compiling
from rnnx.logbook.jsonl import last_record
from rnnx.logbook.run_directory import CONFIG, METRICS

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
        """The last step of each trial whose record has changed since the last look; nothing if that was just now.

        Of one that a process has begun, and that has no record yet, that its program is compiled.
        """
        if time.monotonic() < self._looked + EVERY:
            return
        self._looked = time.monotonic()
        for trial in trials:
            path = trial.directory / METRICS
            size = path.stat().st_size if path.exists() else 0
            if size == self._sizes.get(trial.name, 0):
                if not size and trial.name not in self._sizes and (trial.directory / CONFIG).exists():
                    self._sizes[trial.name] = 0
                    yield Progress(trial.name, 0, math.nan, phase=compiling(trial.config))
                continue
            self._sizes[trial.name] = size
            record = last_record(path)
            if record:
                self.steps[trial.name] = record["step"]
                yield Progress(trial.name, record["step"], record.get("train/loss", math.nan))
