r"""Run one trial.

The same command goes on with a trial that was stopped, and with more --config.steps, with one that is done. At the end
it makes the report of the trial.

With --data_parallel the batches are split over all devices; of several machines too, if the same command runs on each,
with its number as --process (docs/devices.md).

Examples:

    # A GRU on the adding problem.
    python -m experiments.run --config=configs/adding.py \
        --config.cell.name=gru --config.task.length=32 --workdir=runs/one
    # All settings, and nothing is done.
    python -m experiments.run --config=configs/adding.py --dry_run
    # The same trial again: is the result bit-identical (exit status 0, else 1)?
    python -m experiments.run --from=runs/one --workdir=runs/again
"""

import json
import os
import sys
from pathlib import Path

from absl import flags

from experiments import cli


def main() -> int:
    """Run the trial of `--config`, or that of `--from` again, in `--workdir`."""
    source = flags.FLAGS["from"].value
    if flags.FLAGS.profile and (source or flags.FLAGS.data_parallel or flags.FLAGS.coordinator):
        cli.fail("--profile is for a new trial on one device.")
    if source:
        given = next((argument for argument in sys.argv[1:] if argument.startswith(("--config", "-config"))), None)
        if given:
            cli.fail(f"{given}: with --from the config is the recorded one, and can't be changed.")
        if flags.FLAGS.dry_run:
            cli.fail("--dry_run does not go with --from: the settings are those of its config.json.")
        if flags.FLAGS.data_parallel or flags.FLAGS.coordinator:
            cli.fail("--data_parallel and --coordinator do not go with --from: a trial is run again as it was.")
        directory = _workdir()

        from experiments.trials import rerun  # loads jax, which takes seconds

        return rerun.rerun(cli.path(source), directory)

    cli.config_file()
    cli.check_names()
    if flags.FLAGS.dry_run:
        from experiments.config import parse

        print(json.dumps(parse(cli.study()[0]).to_dict(), indent=2))
        return 0
    directory = _workdir()
    processes = _team()
    with cli.telling("importing jax"):
        from experiments.config import parse
        from experiments.executors import Options
        from experiments.executors.local import local
        from experiments.studies import ending
        from experiments.studies import study as sweeping
        from experiments.trials import data_parallel
        from experiments.trials.distributed import Processes
        from experiments.trials.trial import Trial

    def trial() -> Trial:
        return Trial(Path(os.path.abspath(directory)).name, parse(cli.study()[0]), directory)

    if processes:
        status = data_parallel.run_multi_process(trial, Processes(*processes))
        if flags.FLAGS.process:
            return status
    elif flags.FLAGS.data_parallel:
        status = data_parallel.run_single_process(trial())
    else:
        status = sweeping.execute([trial()], Options(1, 0.0, {}), local, profile=flags.FLAGS.profile)
    ending.show(directory, report=flags.FLAGS.report)
    return status


def _workdir() -> Path:
    """The directory of `--workdir`, which must not be that of a sweep, nor lie in one that does not have this trial."""
    directory = cli.workdir()
    if (directory / "study.json").exists():
        cli.fail(f"--workdir={directory} holds a sweep: choose another directory for a single trial.")
    for parent in Path(os.path.abspath(directory)).parents:
        if (parent / "study.json").exists() and not (directory / "config.json").exists():
            cli.fail(f"--workdir={directory} lies in that of a sweep, {parent}: choose another for a single trial.")
    return directory


def _team() -> tuple[str, int, int] | None:
    """Coordinator, number of processes, and which of them this one is, if there are several."""
    coordinator, processes, process = (flags.FLAGS[name].value for name in ("coordinator", "processes", "process"))
    if coordinator is None and processes is None and process is None:
        return None
    if coordinator is None or processes is None or process is None:
        cli.fail("--coordinator, --processes and --process go together: give all three.")
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 2**16:
        cli.fail(f"--coordinator={coordinator} is not of the form host:port.")
    if process >= processes:
        cli.fail(f"--process={process}: of {processes} processes the last one is {processes - 1}.")
    return coordinator, processes, process


if __name__ == "__main__":
    flags.DEFINE_string("config", None, "Study file, for example configs/adding.py.")
    flags.DEFINE_string("from", None, "Directory of a finished trial, to run that again instead.")
    flags.DEFINE_string("workdir", None, "Directory of this trial; run again, it resumes.")
    flags.DEFINE_bool("dry_run", False, "Print the settings of the trial, all of them, and do nothing.")
    flags.DEFINE_bool("data_parallel", False, "Split each batch over all devices.")
    flags.DEFINE_string("coordinator", None, "host:port of process 0, to train on the devices of several processes.")
    flags.DEFINE_integer("processes", None, "How many processes there are.", lower_bound=1)
    flags.DEFINE_integer("process", None, "Which of them this one is; only 0 needs the workdir.", lower_bound=0)
    flags.DEFINE_bool("report", True, "Make the report at the end.")
    flags.DEFINE_bool("profile", False, "Write a trace of some training steps: docs/profiling.md.")
    cli.start(main, required=("config", "workdir"))
