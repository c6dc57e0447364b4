"""How fast trials go and how long what is left will take, from training that goes steadily.

To start and to compile is no rate: what that takes is told apart, from trials that are past it. A trial that has not
come to training is given the rate of those of its program, or else what a step of time costs in others.
"""

import math
from collections import deque
from collections.abc import Sequence

from experiments.build import program_key
from experiments.config import Config
from experiments.trials.trial import COMPILING, Progress, Trial


class Pace:
    """Of the trials that a session has to do; `now` is in seconds."""

    def __init__(self, todo: Sequence[Trial]):
        """Nothing has begun."""
        self._waiting = {trial.name: trial for trial in todo}
        numbers: dict[Config, int] = {}
        self._programs = {trial.name: numbers.setdefault(program_key(trial.config), len(numbers)) for trial in todo}
        self._lengths = [program.length for program in numbers]
        self._running: dict[str, _Clock] = {}
        self._steady: dict[int, tuple[float, int]] = {}
        """Seconds and steps of all trials of a program, once one has begun."""
        self._starts: dict[bool, list[float]] = {True: [], False: []}
        """Seconds from the start of a trial to its training, by whether its program was known already."""
        self._at_once = 1
        self._all = max(sum(map(_work, todo)), 1)

    def hear(self, news: Progress, now: float) -> None:
        """Take in news of a trial."""
        program = self._programs[news.trial]
        if news.trial in self._waiting:
            self._running[news.trial] = _Clock(self._waiting.pop(news.trial), program in self._steady, now)
            self._at_once = max(self._at_once, len(self._running))
        clock = self._running.get(news.trial)
        if clock is None:  # it has ended, and is heard of once more
            return
        had_started = clock.started
        seconds, steps = clock.hear(news, now)
        before = self._steady.get(program, (0.0, 0))
        self._steady[program] = before[0] + seconds, before[1] + steps
        if clock.started and not had_started:
            self._starts[clock.program_known].append(now - clock.began)
        if news.outcome is not None:
            del self._running[news.trial]

    @property
    def share(self) -> float:
        """Of all work, how much is done."""
        left = [clock.trial.config.length * (clock.trial.config.steps - clock.step) for clock in self._running.values()]
        return 1 - (sum(left) + sum(map(_work, self._waiting.values()))) / self._all

    def steps_per_second(self, trial: str) -> float:
        """Of training alone, lately; NaN where it is not known."""
        return self._running[trial].steps_per_second

    def left_of(self, trial: str, now: float) -> float:
        """Seconds that a trial that runs will take yet; NaN where that can't be said."""
        clock = self._running[trial]
        rate = clock.seconds / clock.steps if clock.steps else self._seconds_per_step(clock.trial)
        training = (clock.trial.config.steps - clock.step) * rate
        if clock.steady:
            return max(training - (now - clock.heard), 0.0)
        start = 0.0 if clock.started else max(self._start(clock.program_known) - (now - clock.began), 0.0)
        return start + training

    def left(self, now: float) -> float:
        """Seconds that all trials will take yet, as many at a time as there have been; NaN where that can't be said."""
        running = [self.left_of(name, now) for name in self._running]
        waiting = [
            self._start(self._programs[name] in self._steady) + trial.config.steps * self._seconds_per_step(trial)
            for name, trial in self._waiting.items()
        ]
        if not (running or waiting):
            return math.nan
        at_once = min(self._at_once, len(running) + len(waiting))
        return max([sum(running + waiting) / at_once, *running])

    def _start(self, program_known: bool) -> float:
        """Mean seconds from the start of a trial to its training; 0 where none has come so far."""
        starts = self._starts[program_known]
        return sum(starts) / len(starts) if starts else 0.0

    def _seconds_per_step(self, trial: Trial) -> float:
        seconds, steps = self._steady.get(self._programs[trial.name], (0.0, 0))
        if steps:
            return seconds / steps
        work = sum(steps * self._lengths[program] for program, (_, steps) in self._steady.items())
        seconds = sum(seconds for seconds, steps in self._steady.values() if steps)
        return trial.config.length * seconds / work if work else math.nan


class _Clock:
    """Of a trial that runs."""

    def __init__(self, trial: Trial, program_known: bool, now: float):
        self.trial, self.program_known, self.began, self.heard = trial, program_known, now, now
        self.step = 0
        self.started = self.steady = False
        """Whether it has trained, and whether what it is at now belongs to the rate at which it goes on."""
        self.seconds, self.steps = 0.0, 0
        """Of what was steady; it measures and saves in that time too."""
        self._trained: deque[tuple[int, float]] = deque(maxlen=20)

    def hear(self, news: Progress, now: float) -> tuple[float, int]:
        """Take in news; seconds and steps that were steady since those before."""
        steps = max(news.step - self.step, 0)
        seconds, counted = (now - self.heard, steps) if self.steady else (0.0, 0)
        trained = seconds if math.isnan(news.seconds) else news.seconds  # where nobody tells, as of a cluster
        if steps and trained > 0:
            self._trained.append((steps, trained))
        self.seconds, self.steps = self.seconds + seconds, self.steps + counted
        self.step, self.heard = self.step + steps, now
        self.started = self.started or math.isfinite(news.loss)
        self.steady = self.started and not news.phase.startswith(COMPILING)
        return seconds, counted

    @property
    def steps_per_second(self) -> float:
        seconds = sum(seconds for _, seconds in self._trained)
        return sum(steps for steps, _ in self._trained) / seconds if seconds else math.nan


def _work(trial: Trial) -> int:
    """What a training step costs is about its steps of time."""
    return trial.config.steps * trial.config.length
