"""What a trial leaves in its directory while it is trained.

`metrics.jsonl`, TensorBoard events and checkpoints go together: one that resumes from a checkpoint first takes back
what the other two say of later steps.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments import files, provenance
from experiments.config import Config
from experiments.layout import by_cell, layout
from experiments.performance import Performance
from rnnx.logbook import Checkpoints, MetricsFile, TensorBoard
from rnnx.report import against_lag, analysis
from rnnx.report.style import png
from rnnx.settings import flatten
from rnnx.training import TrainState

_NOT_DRAWN = ("gates", "input_gradient")
"""In training: gates have their histograms, and the gradient of the inputs goes much as that of the state."""


_DRAWING = 0.05
"""The share of a session's time that pictures may take, of all trials of a program together, except that the last ones
are drawn always. Of short trials they would take most."""

_PICTURES = 0.1
"""Seconds that those of one measurement are thought to take, until the first are drawn."""


class Record:
    """The record of one trial that is being trained."""

    def __init__(self, name: str, config: Config, directory: Path, slots: int, split_over: int):
        """Take hold of a directory; an account of where results come from tells of the program's width and devices.

        Raises:
          ConfigError: the trial was begun on other data.
        """
        self._name, self._config, self.directory = name, config, directory
        self._failure = directory / "FAILED.json"
        self._failure.unlink(missing_ok=True)
        provenance.record(directory / "config.json", config, slots, split_over)
        self.performance = Performance(directory, config, slots, split_over)
        self.checkpoints = Checkpoints(directory / "checkpoints")
        self._open = contextlib.ExitStack()
        self._began, self._share = time.monotonic(), _DRAWING / slots
        self._drawing, self._pictures_take = 0.0, _PICTURES

    def begin(self, resume_step: int | None) -> None:
        """Go on from a step of the checkpoints, or from the start with `None`; what is there of later steps is void."""
        self._saved = resume_step
        self.checkpoints.discard_after(resume_step)
        self._metrics = self._open.enter_context(MetricsFile(self.directory / "metrics.jsonl", resume_step))
        self._board = self._open.enter_context(TensorBoard(self.directory, resume_step))
        if resume_step is None:
            shown = ["heldout/loss", "state_gradient/state/horizon"]
            self._board.start(
                flatten(self._config.to_dict()), shown, layout(self._config.cell.name, self._config.measurements)
            )

    def log(self, step: int, values: dict[str, Any], *, last: bool = False) -> None:
        """Add what was measured at a step; the last measurement is drawn, and others as far as there is time for it."""
        self._metrics.write(step, values)
        self._board.write(step, values | by_cell(self._config.cell.name, values))
        began = time.monotonic()
        # These, and the last ones that are still to come.
        if last or self._drawing + 2 * self._pictures_take < self._share * (began - self._began):
            for tag, picture in self._pictures():
                self._board.image(step, tag, picture)
            self._pictures_take = time.monotonic() - began
            self._drawing += self._pictures_take

    def save(self, step: int, state: TrainState) -> None:
        """Commit the state of a step, unless it is there already."""
        if step != self._saved:
            # The record first: a checkpoint must never know of a step that the record lacks.
            self._board.write(step, self.performance.record(step))
            self._metrics.flush()
            self._board.flush()
            self.checkpoints.save(step, state)
            self._saved = step

    def finish(self, step: int, seconds: float) -> None:
        """Mark the trial as done."""
        self._board.finish(step)
        self.close()
        final = {tag: value for tag, value in self._metrics.records[-1].items() if isinstance(value, float)}
        files.write_json(
            self.directory / "DONE.json",
            {"steps": step, "seconds_of_last_session": round(seconds, 2), "final": final},
        )

    def fail(self, failure: dict[str, Any]) -> None:
        """Say why the trial can't go on."""
        with contextlib.suppress(OSError):  # there may be no room left, which may be the reason
            files.write_json(self._failure, failure)

    def close(self) -> None:
        """Put on disk all that was written."""
        self._open.close()

    def _pictures(self) -> Iterator[tuple[str, bytes]]:
        """Tag and PNG of what the last record measured, a picture a measurement."""
        first, now = self._metrics.records[0], self._metrics.records[-1]
        if "state_gradient/state/log10_norm" in now:
            yield "state_gradient/against_lag", png(against_lag.draw_trial(self._name, first, now), dpi=80)
        for name in (name for name in self._config.measurements if name not in _NOT_DRAWN):
            drawn = analysis.figure(name, now, f"{self._name}, step {now['step']}")
            if drawn is not None:
                yield f"{name}/figure", png(drawn, dpi=80)
