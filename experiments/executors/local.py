"""Processes on this machine."""

import itertools
import multiprocessing
import queue
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from experiments import compilation
from experiments import trial as one_trial
from experiments.executors import Update
from experiments.trial import Trial


def local(trials: list[Trial], jobs: int, update: Callable[[Update], None]) -> None:
    """Run trials in `jobs` processes; one that fails does not stop the others.

    Trials that differ only in their seed are done by one process after another, so that they share a compiled program.
    """
    groups = [list(group) for _, group in itertools.groupby(trials, key=lambda t: replace(t.config, seed=0))]
    # Longest first: the last ones to end are short, and no process is left alone with a long one.
    groups.sort(key=lambda group: group[0].config.steps * group[0].config.task.size, reverse=True)
    # JAX runs threads, and a fork of a process with threads may hang: spawn.
    context = multiprocessing.get_context("spawn")
    todo, news = context.Queue(), context.Queue()
    workers = [context.Process(target=_work, args=(todo, news), daemon=True) for _ in range(min(jobs, len(groups)))]
    for group in [*groups, *[None] * len(workers)]:
        todo.put(group)
    for worker in workers:
        worker.start()
    unfinished = {trial.name for trial in trials}
    try:
        while unfinished:
            alive = any(worker.is_alive() for worker in workers)
            try:
                latest = news.get(timeout=0.2)
            except queue.Empty:
                if alive:
                    continue
                for name in sorted(unfinished):
                    update(Update(name, 0, 0.0, "its process was killed; run again to resume"))
                return
            update(latest)
            if latest.outcome:
                unfinished.discard(latest.trial)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _work(todo: Any, news: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    compilation.keep()
    while (group := todo.get()) is not None:
        for trial in group:
            _run(trial, news)


def _run(trial: Trial, news: Any) -> None:
    try:
        one_trial.run(trial, lambda step, loss: news.put(Update(trial.name, step, loss)))
        outcome = "done"
    except Exception as error:  # whatever it is, it is this trial's and FAILED.json has it; the others go on
        outcome = f"{type(error).__name__}: {error}"
    news.put(Update(trial.name, trial.config.steps, 0.0, outcome))
