"""Tasks of Ray, on a cluster that is there or on this machine alone.

Ray is asked for nothing but to run a function somewhere: what a trial has done stands in its directory, which all nodes
must see. A task whose node is lost is run again on another, where the trial goes on from its last checkpoint.

Settings: `address` of a cluster (by default that of the variable RAY_ADDRESS, and without it a Ray of its own is
started, for as long as the sweep runs), `num_cpus` (1) and `num_gpus` (0) that a task takes.
"""

import contextlib
import importlib.util
import math
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from experiments.config import ConfigError
from experiments.executors import Options, _cluster
from experiments.executors._cluster import LostError
from experiments.executors._job import run_job
from experiments.trials.trial import Progress, TrialGroup
from rnnx import checks

if importlib.util.find_spec("ray") is None:
    raise ConfigError("--executor=ray needs Ray: pip install 'rnnx[ray]'")

_MOST_LOSSES = 10
"""Times that a task is run again; a node may well be lost, and a task that takes its node along each time must end."""

_PASSED_ON = ("JAX_", "XLA_", "RNNX_", "OPENBLAS_")
"""Variables of the environment that decide what a trial computes, and where its data and compiled programs are."""


def ray(groups: list[TrialGroup], options: Options, update: Callable[[Progress], None]) -> None:
    """Run each group as a task of Ray.

    Raises:
      Interrupted: a signal asked for an end; what was trained is saved.
      ConfigError: a setting that can't be used, or no cluster at the address.
    """
    address, resources = _read(options.settings)
    cpus = None if options.jobs is None else math.ceil(options.jobs * resources["num_cpus"])
    with _connected(address, cpus) as core:
        try:
            task = core.remote(run_job).options(max_retries=_MOST_LOSSES, **resources)
        except ValueError as error:
            raise ConfigError(f"--executor_options: {error}") from None
        _cluster.drive(_Tasks(core, task, options.timeout), groups, options, update)


class _Tasks:
    """Ray, as `experiments.executors._cluster.Cluster`."""

    def __init__(self, core: Any, task: Any, timeout: float):
        self._core, self._task, self._timeout = core, task, timeout

    def submit(self, groups: list[TrialGroup]) -> list[Any]:
        return [self._task.remote(group, self._timeout, sys.argv, sys.path) for group in groups]

    def over(self, jobs: list[Any]) -> list[Any]:
        return self._core.wait(jobs, num_returns=1, timeout=1.0)[0]

    def result(self, job: Any) -> list[Progress]:
        try:
            return self._core.get(job)
        except self._core.exceptions.RayError as error:
            raise LostError(f"its task of Ray failed: {str(error).strip().splitlines()[-1]}") from None

    def stop(self, jobs: list[Any], at_once: bool) -> None:
        for job in jobs:
            self._core.cancel(job, force=at_once)  # without force it is told by SIGINT, as it were


@contextlib.contextmanager
def _connected(address: str | None, cpus: int | None) -> Iterator[Any]:
    """Ray's module, connected to a cluster, or to a Ray of our own of so many CPUs that no other machine can reach."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    given: dict[str, Any] = {"runtime_env": {"env_vars": environment}, "log_to_driver": False, "logging_level": "error"}
    if address:
        given["address"] = address
    else:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        # Read when Ray is imported. One that can't be more than a machine listens on loopback alone, and the name tells
        # where that is the default; elsewhere it would listen on all interfaces, whatever address it is given.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # Results of tasks are all that is stored, and they are small.
        given |= {"address": "local", "num_cpus": cpus, "include_dashboard": False, "object_store_memory": 100 * 2**20}
    import ray as core

    # By jax, of Ray's own programs, which take the place of what was forked at once.
    warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
    before = signal.getsignal(signal.SIGTERM)
    try:
        if address:
            _check_reachable(address)
        core.init(**given)
        signal.signal(signal.SIGTERM, before)  # Ray has put a handler of its own there
    except (OSError, ImportError, RuntimeError, ValueError, core.exceptions.RayError) as error:
        why = " ".join(str(error).split())
        raise ConfigError(f"--executor=ray: no Ray at {address or 'this machine'}: {why}") from None
    try:
        yield core
    finally:
        core.shutdown()


def _check_reachable(address: str) -> None:
    """Raise the `OSError` of an address where nobody answers, which Ray would go on asking for many minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _read(settings: dict[str, str]) -> tuple[str | None, dict[str, float]]:
    """The address of the cluster, and what a task takes of it."""
    address, resources = os.environ.get("RAY_ADDRESS"), {"num_cpus": 1.0, "num_gpus": 0.0}
    for name, value in settings.items():
        try:
            checks.choice("setting of --executor=ray", name, ("address", *resources))
            if name == "address":
                address = value
            else:
                resources[name] = checks.number(name, float(value))
        except ValueError as error:
            raise ConfigError(f"--executor_options: {name}={value}: {error}") from None
    return address, resources
