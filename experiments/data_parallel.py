"""One trial on all devices, each of which has a share of every batch."""

from collections.abc import Callable

import jax

from experiments import compilation, distributed, sweeping
from experiments import trial as one_trial
from experiments.config import Config, ConfigError
from experiments.distributed import Team
from experiments.executors import Executor, Options
from experiments.executors.local import local
from experiments.trial import Group, Trial, Update
from rnnx import parallel

_ONE = Options(jobs=1, timeout=0.0, settings={})


def alone(trial: Trial) -> int:
    """Run a trial on all devices of this machine; the exit status of `sweeping.execute`, which says what it raises.

    Raises:
      ConfigError: a batch that can't be shared out evenly, too.
    """
    _check(trial.config)
    return sweeping.execute([trial], _ONE, _split(local))


def together(prepare: Callable[[], Trial], team: Team) -> int:
    """Be one of the processes that run a trial on the devices of all of them.

    Args:
      prepare: gives the trial, once there are devices to be asked about.
      team: which processes.

    Returns:
      The exit status: 0 if the trial is done, 1 if it failed or a process was lost, the same for all.

    Raises:
      ConfigError: as `alone`; the processes do not find each other, or differ in their settings.
      Interrupted: a signal asked for an end; what was trained is saved.
    """
    distributed.join(team)
    compilation.keep()
    trials: list[Trial] = []

    def config() -> Config:
        trials.append(prepare())
        _check(trials[0].config)
        return trials[0].config

    agreed = distributed.prepared(config)
    if team.process:
        return distributed.follow(agreed)
    return distributed.lead(lambda: sweeping.execute(trials, _ONE, _split(_here)))


def _check(config: Config) -> None:
    try:
        parallel.check_batch_size(config.batch_size, jax.device_count())
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _split(executor: Executor) -> Executor:
    """An executor that has the program of each trial split over all devices."""

    def run(groups: list[Group], options: Options, update: Callable[[Update], None]) -> None:
        executor([group._replace(devices=jax.device_count()) for group in groups], options, update)

    return run


def _here(groups: list[Group], options: Options, update: Callable[[Update], None]) -> None:
    """Run groups in this process, which is the one that the others know."""
    for group in groups:
        one_trial.run(group, update)
