"""What a sweep shows while it runs: in a terminal a live table below what has ended; plain lines elsewhere."""

import math
import threading
import time
from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from experiments.pace import Pace
from experiments.studies import names
from experiments.trials import result
from experiments.trials.trial import Progress, Trial

_BETWEEN_LINES = 10.0
"""Seconds, where there is no terminal."""

_BESIDE_ROWS = 6
"""Lines that the display has beside its rows, the one of the cursor included."""

_BETWEEN_COLUMNS = 2


class Display:
    """Trials that run, with what they are at, loss, speed and time left; those that have ended; how many there are."""

    def __init__(
        self, trials: Sequence[Trial], todo: Sequence[Trial], failed: dict[str, str], console: Console | None = None
    ):
        """Of all `trials` `todo` are to be run, those of `failed` (why, by name) can't be, and the rest are done."""
        self.failed = dict(failed)
        self._total, self._done = len(trials), len(trials) - len(todo) - len(failed)
        self._trials = {trial.name: trial for trial in todo}
        self._names = names.shortened([trial.name for trial in trials])
        self._over: set[str] = set()
        self._running: dict[str, Progress] = {}
        """The last news of each that runs."""
        self._pace = Pace(todo)
        self._started = time.monotonic()
        self._said = -math.inf
        self._console = console or Console()
        # It is drawn by a thread of its own, so that clocks go on while nothing is heard.
        self._lock = threading.Lock()
        self._live = Live(get_renderable=self._drawn, console=self._console, refresh_per_second=2, transient=True)

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    @property
    def elapsed(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._started

    def update(self, news: Progress) -> None:
        """Take in news of a trial."""
        with self._lock:
            self._take_in(news)
        if not self._console.is_terminal:
            self._plain_line(news)
        elif news.outcome is not None:
            self._live.console.print(self._ended(news), no_wrap=True, overflow="ellipsis", crop=True)

    def _take_in(self, news: Progress) -> None:
        if news.trial in self._over:  # of which a process may still have had something to say
            return
        self._pace.hear(news, time.monotonic())
        if news.outcome is None:
            before = self._running.get(news.trial)
            # The loss of the last training step is still the last one while something else is done.
            loss = before.loss if before and math.isnan(news.loss) else news.loss
            self._running[news.trial] = news._replace(loss=loss)
            return
        self._over.add(news.trial)
        self._running.pop(news.trial, None)
        if news.outcome == "done":
            self._done += 1
        else:
            self.failed[news.trial] = news.outcome

    def _counts(self) -> str:
        """Of how many trials; nothing where there is one."""
        if self._total == 1:
            return ""
        waiting = self._total - self._done - len(self.failed) - len(self._running)
        told = {"failed": len(self.failed), "running": len(self._running), "waiting": waiting}
        return ", ".join([f"{self._done}/{self._total} trials done", *(f"{n} {what}" for what, n in told.items() if n)])

    def _time_left(self) -> str:
        left = self._pace.left(time.monotonic())
        return "" if math.isnan(left) else f"about {duration(left)} left"

    def _plain_line(self, news: Progress) -> None:
        """At every end of a trial, and every ten seconds."""
        now = time.monotonic()
        if news.outcome is None and now - self._said < _BETWEEN_LINES:
            return
        self._said = now
        if news.outcome == "done":
            what = ", ".join(filter(None, ["done", str(result.read(self._trials[news.trial].directory))]))
        else:
            what = news.outcome or ", ".join(filter(None, [self._at(news), _loss(news.loss, "loss ")]))
        so_far = ", ".join(filter(None, [self._counts(), self._time_left()]))
        told = [time.strftime("%Y-%m-%d %H:%M:%S"), f"{so_far}:" if so_far else "", f"{news.trial}: {what}"]
        print(" ".join(filter(None, told)), flush=True)

    def _ended(self, news: Progress) -> RenderableType:
        """A line that stays: what a trial has come to, or why it has come to nothing."""
        width = max(map(len, self._names.values()))
        done = news.outcome == "done"
        mark = Text("✓ ", "green") if done else Text("✗ ", "bold red")
        told = result.read(self._trials[news.trial].directory).columns(drawn=True) if done else [str(news.outcome)]
        return Text.assemble(mark, f"{self._names[news.trial]:{width}}  ", "  ".join(told))

    def _drawn(self) -> RenderableType:
        with self._lock:
            below = Table.grid()
            below.add_column(no_wrap=True)
            below.add_row(ProgressBar(1.0, self._pace.share, width=min(60, self._console.width)))
            below.add_row("; ".join(filter(None, [self._counts(), duration(self.elapsed)])) + self._comma_time_left())
            return Group(self._table(), below) if self._running else below

    def _comma_time_left(self) -> str:
        left = self._time_left()
        return f", {left}" if left else ""

    def _table(self) -> Table:
        """As many of the running trials as the terminal has room for, those that began first; the rest in one line.

        Columns on the right are left out where there is no room for them, so that no name is cut.
        """
        now = time.monotonic()
        room = max(self._console.height - _BESIDE_ROWS, 1)
        shown, rest = list(self._running.values())[:room], list(self._running.values())[room:]
        rows = [
            (
                self._names[news.trial],
                self._at(news),
                _loss(news.loss),
                _left(self._pace.left_of(news.trial, now)),
                _speed(self._pace.steps_per_second(news.trial)),
            )
            for news in shown
        ]
        columns = [*zip(*rows, strict=True)]
        table = Table(box=None, pad_edge=False, header_style="bold")
        used = 0
        for heading, cells in zip(("trial", "", "loss", "left", "steps/s"), columns, strict=True):
            used += max(len(heading), *map(len, cells)) + _BETWEEN_COLUMNS
            if heading in ("trial", "") or used - _BETWEEN_COLUMNS <= self._console.width:
                table.add_column(heading, justify="left" if heading in ("trial", "") else "right", no_wrap=True)
        for row in rows:
            table.add_row(*row[: len(table.columns)])
        if rest:
            at = sorted({news.step for news in rest})
            table.add_row(f"… {len(rest)} more", f"step {' … '.join(map(str, at[:1] + at[1:][-1:]))}", style="dim")
        return table

    def _at(self, news: Progress) -> str:
        return news.phase or f"step {news.step}/{self._trials[news.trial].config.steps}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, `0:02:10`."""
    return str(timedelta(seconds=round(seconds)))


def _loss(loss: float, before: str = "") -> str:
    """Empty where there is none yet, before the first training step."""
    return "" if math.isnan(loss) else f"{before}{loss:.4f}"


def _left(seconds: float) -> str:
    return "" if math.isnan(seconds) else duration(seconds)


def _speed(steps_per_second: float) -> str:
    if math.isnan(steps_per_second):
        return ""
    return f"{steps_per_second:.3g}" if steps_per_second < 100 else f"{steps_per_second:.0f}"
