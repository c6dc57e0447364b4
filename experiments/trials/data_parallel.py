"""One trial on all devices, each of which has a share of every batch."""

from collections.abc import Callable

import jax

from experiments.config import Config, ConfigError
from experiments.executors import Executor, Options
from experiments.executors.local import local
from experiments.studies import study
from experiments.trials import compilation, distributed, loop
from experiments.trials.distributed import Processes
from experiments.trials.trial import Progress, Trial, TrialGroup
from rnnx.training import parallel

_ONE = Options(jobs=1, timeout=0.0, settings={})


def run_single_process(trial: Trial) -> int:
    """Run a trial on all devices of this machine; the exit status of `study.execute`, which says what it raises.

    Raises:
      ConfigError: a batch that can't be shared out evenly, too.
    """
    _check(trial.config)
    return study.execute([trial], _ONE, _split(local))


def run_multi_process(prepare: Callable[[], Trial], processes: Processes) -> int:
    """Be one of the processes that run a trial on the devices of all of them.

    Args:
      prepare: gives the trial, once there are devices to be asked about.
      processes: which processes.

    Returns:
      The exit status: 0 if the trial is done, 1 if it failed or a process was lost, the same for all.

    Raises:
      ConfigError: as `run_single_process`; the processes do not find each other, or differ in their settings.
      Interrupted: a signal asked for an end; what was trained is saved.
    """
    distributed.initialize(processes)
    compilation.enable_cache()
    trials: list[Trial] = []

    def config() -> Config:
        trials.append(prepare())
        _check(trials[0].config)
        return trials[0].config

    agreed = distributed.check_same_config(config)
    if processes.process:
        return distributed.run_follower(agreed)
    return distributed.run_leader(lambda: study.execute(trials, _ONE, _split(_here)))


def _check(config: Config) -> None:
    try:
        parallel.check_batch_size(config.batch_size, jax.device_count())
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _split(executor: Executor) -> Executor:
    """An executor that has the program of each trial split over all devices."""

    def run(groups: list[TrialGroup], options: Options, update: Callable[[Progress], None]) -> None:
        executor([group._replace(data_parallel=True) for group in groups], options, update)

    return run


def _here(groups: list[TrialGroup], options: Options, update: Callable[[Progress], None]) -> None:
    """Run groups in this process, which is the one that the others know."""
    for group in groups:
        loop.run(group, update)
