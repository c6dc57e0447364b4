"""Jobs of SLURM, submitted by submitit; on this machine with `cluster=local`, to rehearse.

A job that is preempted, or reaches its limit of time, is queued again and goes on from its last checkpoint. Scripts,
logs and results of jobs go into the folder `slurm` of the study, which all nodes must see, as they must see the trials.

Settings: `cluster` (slurm), and whatever submitit's `AutoExecutor.update_parameters` takes, such as `slurm_partition`,
`timeout_min`, `mem_gb`, `cpus_per_task`, `gpus_per_node`.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.config import ConfigError
from experiments.executors import Options, _cluster
from experiments.executors._cluster import LostError
from experiments.executors._job import run_job
from experiments.trials.trial import Progress, TrialGroup
from rnnx.logbook.run_directory import STUDY

try:
    import submitit
except ModuleNotFoundError:
    raise ConfigError("--executor=slurm needs submitit: pip install 'rnnx[slurm]'") from None

_DEFAULTS = {"name": "rnnx", "timeout_min": 240}
"""Of submitit's parameters; its own limit of time is five minutes."""

_MOST_TIMEOUTS = 100
"""Limits of time that a job may reach; it has come further each time, or reports a failure."""


def slurm(groups: list[TrialGroup], options: Options, update: Callable[[Progress], None]) -> None:
    """Run each group as a job of SLURM.

    Raises:
      Interrupted: a signal asked for an end; the jobs were cancelled, and what was trained is saved.
      ConfigError: a setting that can't be used, or no SLURM on this machine.
    """
    settings = dict(options.settings)
    cluster = settings.pop("cluster", "slurm")
    folder = _study(groups[0].trials[0].directory) / "slurm" / "%j"
    try:
        executor = submitit.AutoExecutor(folder, cluster=cluster, slurm_max_num_timeout=_MOST_TIMEOUTS)
        executor.update_parameters(**_DEFAULTS | {name: _number(value) for name, value in settings.items()})
    except (AssertionError, NameError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(f"--executor=slurm: {' '.join(str(error).split())}") from None
    if cluster == "local" and options.jobs is None:  # where nobody else limits them
        options = options._replace(jobs=os.cpu_count())
    _cluster.drive(_Jobs(executor, options.timeout), groups, options, update)


class _Job(submitit.helpers.Checkpointable):
    """`run_job` as submitit wants what it queues again: as an object, whose state is kept; this one has none."""

    def __call__(self, group: TrialGroup, timeout: float, argv: list[str], path: list[str]) -> list[Progress]:
        return run_job(group, timeout, argv, path)


class _Jobs:
    """submitit, as `experiments.executors._cluster.Cluster`."""

    def __init__(self, executor: submitit.AutoExecutor, timeout: float):
        self._executor, self._timeout = executor, timeout

    def submit(self, groups: list[TrialGroup]) -> list[Any]:
        with self._executor.batch():  # SLURM is asked once for all
            return [self._executor.submit(_Job(), group, self._timeout, sys.argv, sys.path) for group in groups]

    def over(self, jobs: list[Any]) -> list[Any]:
        found = [job for job in jobs if job.done()]
        if not found:
            time.sleep(1.0)
        return found

    def result(self, job: Any) -> list[Progress]:
        try:
            return job.result()
        except submitit.core.utils.UncompletedJobError:
            raise LostError(
                f"its job {job.job_id} ended without a result ({job.state}), see {job.paths.stderr}"
            ) from None

    def stop(self, jobs: list[Any], at_once: bool) -> None:
        for job in jobs:
            if isinstance(job, submitit.LocalJob) and not at_once:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGTERM)  # to cancel it would leave it a second
            else:
                job.cancel(check=False)


def _study(directory: Path) -> Path:
    """The directory of the study that a trial is of, or of the trial if it is of none."""
    return next((folder for folder in directory.absolute().parents if (folder / STUDY).exists()), directory)


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text
