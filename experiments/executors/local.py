"""Processes on this machine.

Each has a pipe of its own to the driver. They share no queue: a process that is killed while it holds the lock of a
queue leaves it locked, and all others would wait for ever.
"""

import contextlib
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait

from experiments.build import program_key
from experiments.config import ConfigError
from experiments.executors import GRACE, KILLED, Options
from experiments.trials import compilation, loop, signals
from experiments.trials.trial import Progress, TrialGroup


def local(groups: list[TrialGroup], options: Options, update: Callable[[Progress], None]) -> None:
    """Run groups in `jobs` processes, by default one for each core; one that dies costs the group that it is at.

    Raises:
      Interrupted: a signal asked for an end; what was trained is saved.
      ConfigError: there are settings, of which it has none.
    """
    if options.settings:
        raise ConfigError(f"--executor_options: the local executor has none, and no {next(iter(options.settings))!r}.")
    jobs = options.jobs or os.cpu_count() or 1
    programs: dict[tuple[object, ...], int] = {}
    todo = [(programs.setdefault((program_key(g.trials[0].config), *g[1:]), len(programs)), g) for g in groups]
    workers: list[_Worker] = []
    try:
        while todo or any(worker.group for worker in workers):
            signals.check()
            while todo and (worker := _idle(workers, jobs)):
                program, group = chosen = _next(todo, worker, workers)
                todo.remove(chosen)
                # The first thing that a new process does, for seconds.
                phase = "importing jax" if worker.program < 0 else "starting"
                worker.give(group, program, options.timeout)
                for trial in group.trials:
                    update(Progress(trial.name, 0, math.nan, phase=phase))
            for worker in _ready(workers):
                if not worker.listen(update):
                    workers.remove(worker)
                    worker.report_failed(update)
            for worker in workers:
                worker.enforce_timeout()
    finally:
        _end(workers, update)


class _Worker:
    """A process that does one group after another, and what the driver knows of it."""

    def __init__(self) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.group: TrialGroup | None = None
        self.program = -1
        """What it has compiled."""
        self.stopping = False
        self._timed_out = ""
        self._stop_at = self._kill_at = math.inf
        self._steps: dict[str, int] = {}
        """Of its trials that are not over."""
        self._process = _CONTEXT.Process(target=_work, args=(theirs,), daemon=True)
        # Ctrl-C reaches all processes of a terminal, also one that is just being started; the driver is to end it.
        resource_tracker.ensure_running()  # it takes the block away when it is started, which would be in between
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def give(self, group: TrialGroup, program: int, timeout: float) -> None:
        """A group to do."""
        self.group, self.program = group, program
        self._steps = {member.name: 0 for member in group.trials}
        if timeout:
            self._stop_at = time.monotonic() + timeout
            self._timed_out = f"timed out after {timeout:g} s; run again to resume"
        with contextlib.suppress(OSError):  # it has died: its pipe will tell
            self.pipe.send(group)

    def listen(self, update: Callable[[Progress], None]) -> bool:
        """Pass on one piece of news; whether it lives."""
        try:
            news = self.pipe.recv()
        except (EOFError, OSError):  # the latter if it was killed in the middle of a word
            return False
        if news is None:
            self.group, self._stop_at = None, math.inf
            return True
        self._steps[news.trial] = news.step
        if news.outcome:
            del self._steps[news.trial]
        update(news)
        return True

    def enforce_timeout(self) -> None:
        """Stop what has taken too long, and kill what does not stop."""
        now = time.monotonic()
        if now > self._stop_at:
            self.stop()
        if now > self._kill_at:
            self.kill()

    def stop(self) -> None:
        """Ask it to save and leave."""
        if not self.stopping:
            self.stopping, self._kill_at = True, time.monotonic() + GRACE
            self._process.terminate()

    def kill(self) -> None:
        """End it now."""
        self._process.kill()

    def report_failed(self, update: Callable[[Progress], None]) -> None:
        """Say what became of the trials that it leaves behind."""
        self.join()
        why = self._timed_out if self.stopping else _ending(self._process.exitcode or 0)
        for name, step in self._steps.items():
            update(Progress(name, step, math.nan, why))

    def join(self) -> None:
        """Let it end, since there is nothing more to do; at last, make it."""
        self.pipe.close()
        self._process.join(GRACE)
        self.kill()
        self._process.join()


# JAX runs threads, and a fork of a process with threads may hang: spawn.
_CONTEXT = multiprocessing.get_context("spawn")


def _idle(workers: list[_Worker], jobs: int) -> _Worker | None:
    """A worker that can be given something, a new one if there is room; one that leaves still takes its room."""
    for worker in workers:
        if not worker.group and not worker.stopping:
            return worker
    if len(workers) == jobs:
        return None
    workers.append(_Worker())
    return workers[-1]


def _next(todo: list[tuple[int, TrialGroup]], worker: _Worker, workers: list[_Worker]) -> tuple[int, TrialGroup]:
    """The longest group of the program that the worker has; else of a program that nobody has; else the longest."""
    taken = {other.program for other in workers}

    def effort(item: tuple[int, TrialGroup]) -> int:
        return 0 if item[0] == worker.program else 2 if item[0] in taken else 1

    return min(todo, key=effort)  # the first of the best, and they come longest first


def _ready(workers: Sequence[_Worker]) -> list[_Worker]:
    """Those that have something to say, or have died; waits a moment for them."""
    ready = wait([worker.pipe for worker in workers], timeout=0.2)
    return [worker for worker in workers if worker.pipe in ready]


def _end(workers: list[_Worker], update: Callable[[Progress], None]) -> None:
    """Stop those that are at something, and wait for all."""
    try:
        for worker in workers:
            if worker.group:
                worker.stop()
        while busy := [worker for worker in workers if worker.group]:
            for worker in _ready(busy):
                if not worker.listen(update):
                    worker.group = None
            for worker in busy:
                worker.enforce_timeout()
    except BaseException:  # a second signal: the user does not want to wait
        for worker in workers:
            worker.kill()
        raise
    finally:
        for worker in workers:
            worker.pipe.close()  # of all before the first is waited for
        for worker in workers:
            worker.join()


def _ending(status: int) -> str:
    if status == -signal.SIGKILL:
        return KILLED
    by = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    return f"its process ended with {by}; run again to resume"


def _work(pipe: Connection) -> None:
    """What a worker's process does."""
    # SLURM, asked by submitit, sends SIGUSR2 to all processes of a job that it is going to end.
    ends = (signal.SIGTERM, signal.SIGUSR2)
    for signum in (signal.SIGINT, *ends):
        signal.signal(signum, signal.SIG_IGN)
    signals.install(*ends)  # a second one is ignored as before: both the driver and somebody else may send one
    threading.Thread(target=_follow_driver, daemon=True).start()
    compilation.enable_cache()

    def tell(news: Progress | None) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more, which is not the trial's fault
            pipe.send(news)

    try:
        while True:
            group = pipe.recv()
            loop.run(group, tell)
            tell(None)
            signals.check()
    except EOFError:
        pass  # there is nothing more to do
    except signals.Interrupted as stopped:
        sys.exit(stopped.status)


def _follow_driver() -> None:
    """A driver that is killed can't stop its workers, and they would go on with nobody to know of it."""
    driver = multiprocessing.parent_process()
    assert driver is not None
    driver.join()
    os._exit(1)
