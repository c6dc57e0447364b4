"""What a job of a cluster does: one group, in a process of its own on that machine.

So a job has what the local executor has, on any cluster: a trial that crashes does not take the job along, time limits
hold from when the job begins, and an end that is asked for comes after a save.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from experiments.executors import Options
from experiments.executors.local import local
from experiments.trials import signals as interruption
from experiments.trials.trial import Progress, TrialGroup


def run_job(group: TrialGroup, timeout: float, argv: list[str], path: list[str]) -> list[Progress]:
    """Do what is left of a group, in `timeout` seconds (0: no limit); the last news of each trial.

    `argv` is the command that the user gave, for the trials' records, and `path` where its Python looks for modules,
    the user's own among them.

    A signal that asks for an end leaves no result but an exit status. So the cluster knows the job as one that was cut
    short, and runs it again elsewhere if that was not its owner's wish.
    """
    last: dict[str, Progress] = {}
    sys.path.extend(folder for folder in path if folder not in sys.path)
    with _stoppable(), _called(argv):
        try:
            local([group], Options(jobs=1, timeout=timeout, settings={}), lambda news: last.update({news.trial: news}))
        except interruption.Interrupted as stopped:
            raise SystemExit(stopped.status) from None
    return list(last.values())


@contextmanager
def _stoppable() -> Iterator[None]:
    """The process is the cluster's, and goes on to other jobs: its signals are put back."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {signum: signal.getsignal(signum) for signum in signals}
    interruption.install(*signals)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def _called(argv: list[str]) -> Iterator[None]:
    """As if this process had been started by that command; so is the one that it starts."""
    before, sys.argv = sys.argv, argv
    try:
        yield
    finally:
        sys.argv = before
