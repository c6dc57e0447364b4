"""TensorBoard's view of a whole study while it runs: drawn anew by the driver as trials end, beside its other work."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from experiments.executors import Executor, Options
from experiments.studies import study as sweeping
from experiments.trials.trial import Progress, Trial, TrialGroup
from rnnx.report import board, study

_SHARE = 0.03
"""Of the time, at most, goes into this view; what is drawn at the end comes on top."""

_SECONDS = 2.0
"""That it is thought to take, until it is drawn for the first time."""


def shown(executor: Executor, directory: Path, trials: list[Trial]) -> Executor:
    """An executor that does the same, and keeps the run `_study` of a directory up to date meanwhile.

    Args:
      executor: one of `experiments.executors`.
      directory: of the study.
      trials: all that the study has.
    """

    def run(groups: list[TrialGroup], options: Options, update: Callable[[Progress], None]) -> None:
        with _View(directory, trials) as view:

            def told(news: Progress) -> None:
                update(news)
                view.update(news)

            executor(groups, options, told)

    return run


class _View:
    """The run `_study` of a study that is being run."""

    def __init__(self, directory: Path, trials: list[Trial]):
        self._directory, self._trials = directory, trials
        self._drawing: threading.Thread | None = None
        self._began = time.monotonic()
        self._spent, self._takes = 0.0, _SECONDS
        self._metrics = sweeping.shown_in_the_end(trials)
        self._stale = False

    def __enter__(self) -> "_View":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawing:
            self._drawing.join()
        if self._stale and kind is None:  # who stops a study does not want to wait
            self._draw()

    def update(self, news: Progress) -> None:
        """Take in news of a trial: where one has ended, and there is time for it, all is drawn anew by a thread."""
        self._stale |= news.outcome is not None
        if not self._stale or (self._drawing and self._drawing.is_alive()):
            return
        if self._spent + self._takes < _SHARE * (time.monotonic() - self._began):
            self._stale = False
            self._drawing = threading.Thread(target=self._draw, daemon=True)
            self._drawing.start()

    def _draw(self) -> None:
        began = time.monotonic()
        try:
            # The parts of a model, and so what a trial comes to, are known once one has been recorded.
            metrics = sweeping.shown_in_the_end(self._trials)
            if metrics != self._metrics:
                sweeping.write_columns(self._directory, metrics)
                self._metrics = metrics
            board.write(study.read(self._directory), self._directory, sections=False)
        except Exception as error:  # no room, a file that is just being written: the study itself goes on
            print(f"TensorBoard's view of the study is not up to date: {error}", file=sys.stderr)
        self._takes = time.monotonic() - began
        self._spent += self._takes
