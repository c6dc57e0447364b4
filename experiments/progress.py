"""What a sweep shows while it runs: a live table in a terminal, plain lines elsewhere."""

import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from experiments.trials.trial import Progress, Trial

_BETWEEN_LINES = 10.0
"""Seconds, where there is no terminal."""

_BESIDE_NAME = 46
"""Columns that a row has beside the name of the trial."""

_BESIDE_ROWS = 6
"""Lines that the display has beside its rows, the one of the cursor included."""


class Display:
    """Trials that run, with step, loss, speed and time left, and how many there are in all."""

    def __init__(self, total: int, todo: Sequence[Trial], failed: dict[str, str], console: Console | None = None):
        """Of `total` trials `todo` are to be run, those of `failed` (why, by name) can't be, and the rest are done."""
        self.failed = dict(failed)
        self._total, self._done = total, total - len(todo) - len(failed)
        self._steps = {trial.name: trial.config.steps for trial in todo}
        # What a training step costs is about its steps of time.
        self._cost = {trial.name: trial.config.length for trial in todo}
        self._left = {trial.name: trial.config.steps * trial.config.length for trial in todo}
        self._all_work = max(sum(self._left.values()), 1)
        self._worked = 0
        self._running: dict[str, _Running] = {}
        self._started = time.monotonic()
        self._said = -math.inf
        self._console = console or Console()
        # It is drawn by a thread of its own, so that clocks go on while nothing is heard.
        self._lock = threading.Lock()
        self._live = Live(get_renderable=self._drawn, console=self._console, refresh_per_second=2)

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def update(self, news: Progress) -> None:
        """Take in news of a trial."""
        with self._lock:
            self._take_in(news)
        if not self._console.is_terminal:
            self._plain_line(news)

    def _take_in(self, news: Progress) -> None:
        running = self._running.get(news.trial)
        if running is not None:
            # The first news tells where it went on from, which is no work of this session.
            self._worked += max(news.step - running.step, 0) * self._cost[news.trial]
        if news.outcome is None:
            if running is None:
                running = self._running[news.trial] = _Running(self._steps[news.trial])
            running.report(news)
            self._left[news.trial] = (self._steps[news.trial] - news.step) * self._cost[news.trial]
            return
        self._running.pop(news.trial, None)
        self._left[news.trial] = 0
        if news.outcome == "done":
            self._done += 1
        else:
            self.failed[news.trial] = news.outcome

    def _counts(self) -> str:
        waiting = self._total - self._done - len(self.failed) - len(self._running)
        told = {"failed": len(self.failed), "running": len(self._running), "waiting": waiting}
        return ", ".join([f"{self._done}/{self._total} trials done", *(f"{n} {what}" for what, n in told.items() if n)])

    def _time_left(self) -> str:
        """Of all trials, from what this session has done so far."""
        left = sum(self._left.values())
        if not (left and self._worked):
            return ""
        return f", about {duration((time.monotonic() - self._started) * left / self._worked)} left"

    def _plain_line(self, news: Progress) -> None:
        """At every end of a trial, and every ten seconds."""
        now = time.monotonic()
        if news.outcome is None and now - self._said < _BETWEEN_LINES:
            return
        self._said = now
        what = news.outcome or ", ".join(filter(None, [f"step {news.step}", _loss(news.loss, "loss ")]))
        print(f"{self._counts()}{self._time_left()}: {news.trial}: {what}", flush=True)

    def _drawn(self) -> RenderableType:
        with self._lock:
            elapsed = duration(time.monotonic() - self._started)
            worked = self._all_work - sum(self._left.values())
            below = Table.grid()
            below.add_column(no_wrap=True)
            below.add_row(ProgressBar(self._all_work, worked, width=min(60, self._console.width)))
            below.add_row(f"{self._counts()}; {elapsed}{self._time_left()}")
            return Group(self._table(), below) if self._running else below

    def _table(self) -> Table:
        """As many of the running trials as the terminal has room for, those that began first; the rest in one line."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("trial", no_wrap=True)
        for heading in ("step", "loss", "steps/s", "left"):
            table.add_column(heading, justify="right", no_wrap=True)
        room = max(self._console.height - _BESIDE_ROWS, 1)
        shown, rest = list(self._running)[:room], list(self._running)[room:]
        width = max(self._console.width - _BESIDE_NAME, 12)
        for name in shown:
            running = self._running[name]
            table.add_row(_shortened(name, width), *running.cells())
        if rest:
            at = sorted({self._running[name].step for name in rest})
            table.add_row(f"… {len(rest)} more", " … ".join(map(str, at[:1] + at[1:][-1:])), style="dim")
        return table


class _Running:
    """A trial that runs."""

    def __init__(self, steps: int):
        self.step, self._steps, self._loss = 0, steps, math.nan
        self._reports: deque[tuple[float, int]] = deque(maxlen=20)

    def report(self, news: Progress) -> None:
        self.step, self._loss = news.step, news.loss
        if not math.isnan(news.loss):  # until the first loss, programs are compiled
            self._reports.append((time.monotonic(), news.step))

    def cells(self) -> tuple[str, str, str, str]:
        """Step, loss, steps per second, time left."""
        speed = left = ""
        if self._reports:
            (first, began), (last, step) = self._reports[0], self._reports[-1]
            if step > began and last > first:
                rate = (step - began) / (last - first)
                speed = f"{rate:.3g}" if rate < 100 else f"{rate:.0f}"
                left = duration(max((self._steps - step) / rate - (time.monotonic() - last), 0))
        return f"{self.step}/{self._steps}", _loss(self._loss), speed, left


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, `0:02:10`."""
    return str(timedelta(seconds=round(seconds)))


def _loss(loss: float, before: str = "") -> str:
    """Empty where there is none yet, before the first training step."""
    return "" if math.isnan(loss) else f"{before}{loss:.4f}"


def _shortened(name: str, width: int) -> str:
    """Without its middle if it is too long: task and cell stand first, length and seed last."""
    if len(name) <= width:
        return name
    head = (width - 1) // 2
    return f"{name[:head]}…{name[head + 1 - width :]}"
