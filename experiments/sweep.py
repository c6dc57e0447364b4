r"""Run every trial of a study.

The same command does what is left; with more points, or more steps, what is there goes on. At the end it makes the
report of the study.

Examples:

    # The study's own trials.
    python -m experiments.sweep --config=configs/gradient_flow.py \
        --workdir=runs/gradient_flow
    # Others: two cells, two lengths, seeds 0 to 4.
    python -m experiments.sweep --config=configs/adding.py --workdir=runs/mine \
        --sweep="cell.name=rnn,gru;task.length=16,64;seed=0:5"
    # What they cost, and nothing is done.
    python -m experiments.sweep --config=configs/gradient_flow.py \
        --workdir=runs/gradient_flow --dry_run
"""

import math
import os
import sys
from collections.abc import Sequence

from absl import flags

from experiments import cli


def main() -> int:
    """Run the trials of `--sweep`, or else of the study's `sweep()`, that are not done yet."""
    given = flags.FLAGS
    cli.config_file()
    cli.check_names()
    directory = cli.workdir()
    if (directory / "config.json").exists():
        cli.fail(f"--workdir={directory} holds a single trial: choose another directory for a sweep.")
    cli.choice("--executor", "executor", given.executor, cli.names("experiments", "executors"))
    if not math.isfinite(given.timeout):
        cli.fail(f"--timeout must be a finite number, not {given.timeout}.")
    settings = _settings(given.executor_options)
    if settings and given.executor == "local":  # it says so itself, but only once the workdir is there
        cli.fail(f"--executor_options: the local executor has none, and no {next(iter(settings))!r}.")

    with cli.telling("importing jax"):
        from experiments import executors
        from experiments.studies import ending, live, plan
        from experiments.studies import study as sweeping
        from experiments.trials import lock
        from rnnx.logbook.run_directory import STUDY_LOCK

    base, module, path = cli.study()
    points = sweeping.points_of(given.sweep, base, module, path)
    for note in sweeping.overridden(cli.overrides(), points):
        print(f"sweep: {note}", file=sys.stderr)
    trials = sweeping.recorded(directory, sweeping.resolve(base, points, directory))
    selected = sweeping.select(trials, given.only, given.skip)
    if given.dry_run:
        plan.show(selected, given.jobs or os.cpu_count() or 1)
        return 0
    try:
        executor = executors.get(given.executor)
    except ValueError as error:  # what it needs is not installed
        cli.fail(str(error))
    with lock.held(directory / STUDY_LOCK):
        sweeping.record(directory, path.stem, trials)
        options = executors.Options(given.jobs, given.timeout, settings)
        status = sweeping.execute(
            selected, options, live.shown(executor, directory, trials), given.vectorize, given.profile
        )
        ending.show(directory, report=given.report)
        return status


def _settings(given: Sequence[str]) -> dict[str, str]:
    """The `name=value` pairs of `--executor_options`."""
    settings = {}
    for pair in given:
        name, equals, value = (piece.strip() for piece in pair.partition("="))
        if not (name and equals):
            cli.fail(f"--executor_options: {pair!r} is not of the form name=value.")
        if name in settings:
            cli.fail(f"--executor_options: {name} is there twice.")
        settings[name] = value
    return settings


if __name__ == "__main__":
    flags.DEFINE_string("config", None, "Study file, for example configs/gradient_flow.py.")
    flags.DEFINE_string("workdir", None, "Directory of this study; run again, it does what is left.")
    flags.DEFINE_string(
        "sweep",
        None,
        "Trials to run instead of the study's, such as 'cell.name=rnn,lstm;seed=0:4'; all forms: docs/sweeps.md.",
    )
    flags.DEFINE_multi_string("only", [], "Run only trials whose names match this shell pattern; may be repeated.")
    flags.DEFINE_multi_string("skip", [], "Leave out trials whose names match this shell pattern; may be repeated.")
    flags.DEFINE_bool("dry_run", False, "Print the trials and what they cost, and do nothing.")
    flags.DEFINE_integer("vectorize", 1, "Trials that are trained side by side as one program, at most.", lower_bound=1)
    executors = ", ".join(cli.names("experiments", "executors"))
    flags.DEFINE_string("executor", "local", f"Where trials run, one of {executors}, or module:name of your own.")
    flags.DEFINE_integer("jobs", None, "Processes at a time; by default what the executor has room for.", lower_bound=1)
    flags.DEFINE_float("timeout", 0.0, "Seconds that a trial (or group) may take, 0 for no limit.", lower_bound=0.0)
    flags.DEFINE_list("executor_options", [], "Settings of the executor, name=value,name=value.")
    flags.DEFINE_bool("report", True, "Make the report at the end.")
    flags.DEFINE_bool("profile", False, "Write a trace of some training steps of the first trial: docs/profiling.md.")
    cli.start(main, required=("config", "workdir"))
