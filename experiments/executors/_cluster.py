"""Driving a cluster: one job for each group, watched until all are over."""

import math
import time
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

from experiments.executors import GRACE, Options
from experiments.executors._poller import MetricsPoller
from experiments.trials import signals
from experiments.trials.trial import Progress, TrialGroup

Job = TypeVar("Job", bound=Hashable)


class LostError(Exception):
    """A job ended without a result; the message says how."""


class Cluster(Protocol[Job]):
    """What runs `experiments.executors._job.run_job` for a group somewhere."""

    def submit(self, groups: list[TrialGroup]) -> list[Job]:
        """A job for each group."""

    def over(self, jobs: list[Job]) -> list[Job]:
        """Those of the jobs that have ended; waits about a second for one."""

    def result(self, job: Job) -> list[Progress]:
        """What a job returned that is over.

        Raises:
          LostError: it returned nothing.
        """

    def stop(self, jobs: list[Job], at_once: bool) -> None:
        """End jobs: by a signal on which they save, or without a chance to."""


def drive(
    cluster: Cluster[Job], groups: list[TrialGroup], options: Options, update: Callable[[Progress], None]
) -> None:
    """Run groups as jobs of a cluster, at most `options.jobs` at a time.

    Raises:
      Interrupted: a signal asked for an end, and all jobs have got theirs.
    """
    todo, running, watch = [_absolute_paths(group) for group in groups], dict[Job, TrialGroup](), MetricsPoller()
    try:
        while todo or running:
            signals.check()
            room = len(todo) if options.jobs is None else options.jobs - len(running)
            if new := todo[:room]:
                del todo[:room]
                running.update(zip(cluster.submit(new), new, strict=True))
            for job in cluster.over(list(running)):
                _report(running.pop(job), _result(cluster, job), watch, update)
            for news in watch.news(trial for group in running.values() for trial in group.trials):
                update(news)
    finally:
        _end(cluster, list(running))


def _absolute_paths(group: TrialGroup) -> TrialGroup:
    """With paths that mean the same to a process with another working directory."""
    return group._replace(trials=tuple(t._replace(directory=t.directory.absolute()) for t in group.trials))


def _result(cluster: Cluster[Job], job: Job) -> list[Progress] | str:
    try:
        return cluster.result(job)
    except LostError as error:
        return f"{error}; run again to resume"


def _report(
    group: TrialGroup, result: list[Progress] | str, watch: MetricsPoller, update: Callable[[Progress], None]
) -> None:
    if isinstance(result, str):
        result = [Progress(trial.name, watch.steps.get(trial.name, 0), math.nan, result) for trial in group.trials]
    for news in result:
        update(news)


def _end(cluster: Cluster[Job], running: list[Job]) -> None:
    """Stop what still runs, and wait for it; a signal that comes now ends the wait."""
    if not running:
        return
    try:
        cluster.stop(running, at_once=False)
        deadline = time.monotonic() + GRACE
        while running and time.monotonic() < deadline:
            for job in cluster.over(running):
                running.remove(job)
    finally:
        if running:
            cluster.stop(running, at_once=True)
