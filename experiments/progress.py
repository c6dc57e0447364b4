"""What a sweep shows while it runs: a live table in a terminal, plain lines elsewhere."""

import math
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from experiments.executors import Update
from experiments.trial import Trial


class Display:
    """Trials, steps, loss and time left."""

    def __init__(self, total: int, done: int, todo: list[Trial]):
        """Of `total` trials, `done` are done and `todo` are to be run."""
        self.failed: dict[str, str] = {}
        self._total, self._done = total, done
        self._steps = {trial.name: trial.config.steps for trial in todo}
        self._at = dict.fromkeys(self._steps, 0)
        self._console = Console()
        self._started = time.monotonic()
        self._said = -math.inf
        self._rows: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f} steps"),
            TextColumn("{task.fields[loss]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            speed_estimate_period=120,  # seconds; a fast trial after a slow one would make the estimate jump
            disable=not self._console.is_terminal,
        )
        self._whole = self._progress.add_task(f"[bold]{self._trials()}", total=sum(self._steps.values()), loss="")

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def update(self, news: Update) -> None:
        """Take in news of a trial."""
        self._at[news.trial] = news.step
        if news.outcome is None:
            if news.trial not in self._rows:
                self._rows[news.trial] = self._progress.add_task(news.trial, total=self._steps[news.trial], loss="")
            self._progress.update(self._rows[news.trial], completed=news.step, loss=_loss(news))
        else:
            if news.trial in self._rows:
                self._progress.remove_task(self._rows.pop(news.trial))
            self._done += news.outcome == "done"
            if news.outcome != "done":
                self.failed[news.trial] = news.outcome
        self._progress.update(self._whole, completed=sum(self._at.values()), description=f"[bold]{self._trials()}")
        if not self._console.is_terminal:
            self._plain_line(news)

    def _trials(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"{self._done}/{self._total} trials{failed}"

    def _plain_line(self, news: Update) -> None:
        """At every end of a trial, and every ten seconds."""
        now = time.monotonic()
        if news.outcome is None and now - self._said < 10:
            return
        self._said = now
        elapsed, share = now - self._started, sum(self._at.values()) / sum(self._steps.values())
        left = f", {elapsed * (1 - share) / share:.0f} s left" if share > 0 else ""
        what = news.outcome or ", ".join(filter(None, [f"step {news.step}", _loss(news)]))
        print(f"{self._trials()}{left}: {news.trial}: {what}", flush=True)


def _loss(news: Update) -> str:
    """Empty where there is none yet, before the first training step."""
    return "" if math.isnan(news.loss) else f"loss {news.loss:.4f}"
