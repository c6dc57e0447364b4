"""Run every trial of a study.

python -m experiments.sweep --config=configs/gradient_flow.py --workdir=runs/gradient_flow
"""

import itertools
import os
import re
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from experiments import command, executors, files
from experiments.config import Config, ConfigError, difference, field_type, parse
from experiments.executors import Executor
from experiments.progress import Display
from experiments.trial import Trial, finished

_IN_NAME = {"task.name", "cell.name", "task.length", "seed"}


def main() -> int:
    """Run the trials of `--sweep`, or else of the study's `sweep()`, that are not done yet."""
    base, module, path = command.study()
    directory = command.workdir()
    executor = _executor(flags.FLAGS.executor)
    if flags.FLAGS.jobs < 1:
        command.fail(f"--jobs must be at least 1, not {flags.FLAGS.jobs}.")
    if flags.FLAGS.sweep:
        overrides = product(base, flags.FLAGS.sweep)
    elif hasattr(module, "sweep"):
        overrides = module.sweep()
    else:
        command.fail(f"{path} has no sweep(): give one, for example --sweep='cell.name=rnn,lstm;seed=0:4'.")
    trials = resolve(base, overrides, directory)
    _record(directory, path.stem, trials)
    return execute(trials, flags.FLAGS.jobs, executor)


def product(base: ConfigDict, spec: str) -> list[dict[str, Any]]:
    """All combinations of `field=value,value;field=start:stop`, each value of its field's type.

    A comma within brackets is part of a value: `cell.recurrent_initializer=orthogonal,sparse(15,0.95)`.

    Raises:
      ConfigError: a field that the config lacks, or a value that is not of its type.

    >>> from experiments.config import default
    >>> product(default(), "cell.name=rnn,lstm;seed=0:2")
    [{'cell.name': 'rnn', 'seed': 0},
     {'cell.name': 'rnn', 'seed': 1},
     {'cell.name': 'lstm', 'seed': 0},
     {'cell.name': 'lstm', 'seed': 1}]
    """
    axes = []
    for part in filter(None, spec.split(";")):
        field, equals, values = part.partition("=")
        field = field.strip()
        if not equals or not values:
            raise ConfigError(f"--sweep: {part!r} is not of the form field=value,value or field=start:stop.")
        axes.append([(field, _typed(base, field, value.strip())) for value in _expand(values)])
    return [dict(point) for point in itertools.product(*axes)]


def resolve(base: ConfigDict, overrides: list[dict[str, Any]], directory: Path) -> list[Trial]:
    """The trials of a sweep, each with its checked config and a name that is unique.

    Raises:
      ConfigError: a setting that can't be used, or two trials that are the same.
    """
    values: dict[str, set[Any]] = {}
    for override in overrides:
        for field, value in override.items():
            values.setdefault(field, set()).add(value)
    telling = sorted(field for field, found in values.items() if len(found) > 1 and field not in _IN_NAME)
    trials: dict[str, Trial] = {}
    for override in overrides:
        given = base.copy_and_resolve_references()
        for field, value in override.items():
            field_type(base, field)
            try:
                given.update_from_flattened_dict({field: value})
            except (TypeError, ValueError) as error:
                raise ConfigError(f"the sweep sets {field} to {value!r}: {error}") from None
        config = parse(given)
        name = _name(config, {field: override[field] for field in telling if field in override})
        if name in trials:
            raise ConfigError(f"the sweep has two trials called {name}: the same settings are there twice.")
        trials[name] = Trial(name, config, directory / name)
    if not trials:
        raise ConfigError("the sweep has no trials.")
    return list(trials.values())


def execute(trials: list[Trial], jobs: int, executor: Executor) -> int:
    """Run what is not done, with a live display; 0 if in the end all is done, 1 if a trial failed.

    Raises:
      ConfigError: a directory holds a trial of another config.
    """
    todo = [trial for trial in trials if not finished(trial)]
    if not todo:
        print(f"all {len(trials)} trials are done.")
        return 0
    with Display(total=len(trials), done=len(trials) - len(todo), todo=todo) as display:
        executor(todo, jobs, display.update)
    for name, error in display.failed.items():
        print(f"{name} failed: {error}")
    print(f"{len(trials) - len(display.failed)} of {len(trials)} trials are done.")
    return 1 if display.failed else 0


def _executor(name: str) -> Executor:
    try:
        return executors.get(name)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _name(config: Config, extra: dict[str, Any]) -> str:
    """For example `adding/lstm,forget_bias=0/T128/seed0`."""
    settings = "".join(
        f",{field.rpartition('.')[2]}={value:g}" if isinstance(value, float) else f",{field.rpartition('.')[2]}={value}"
        for field, value in extra.items()
        if value is not None
    )
    return f"{config.task.name}/{config.cell.name}{settings}/T{config.task.size}/seed{config.seed}"


def _expand(values: str) -> list[str]:
    if ":" in values:
        start, _, stop = values.partition(":")
        if not (start.strip().isdigit() and stop.strip().isdigit() and int(start) < int(stop)):
            raise ConfigError(f"--sweep: the range {values!r} is not of the form start:stop with start below stop.")
        return [str(number) for number in range(int(start), int(stop))]
    return re.split(r",(?![^()]*\))", values)


def _typed(base: ConfigDict, field: str, text: str) -> Any:
    kind = field_type(base, field)
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ConfigError(f"--sweep: {field} must be true or false, not {text!r}.")
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        raise ConfigError(f"--sweep: {field} must be a {kind.__name__}, not {text!r}.") from None


def _record(directory: Path, study: str, trials: list[Trial]) -> None:
    """Write study.json, or check that the one that is there is of the same sweep."""
    path = directory / "study.json"
    resolved = {trial.name: trial.config.to_dict() for trial in trials}
    if path.exists():
        there = files.read_json(path)["trials"]
        if there != resolved:
            gone, new = sorted(there.keys() - resolved.keys()), sorted(resolved.keys() - there.keys())
            changed = next(
                (difference(there[n], resolved[n]) for n in there if n in resolved and there[n] != resolved[n]), ""
            )
            parts = [f"trials there but not here: {', '.join(gone[:3])}" if gone else ""]
            parts += [f"trials here but not there: {', '.join(new[:3])}" if new else "", changed]
            raise ConfigError(
                f"{directory} holds another sweep: {'; '.join(filter(None, parts))}. Choose another --workdir."
            )
        return
    directory.mkdir(parents=True, exist_ok=True)
    files.write_json(path, {"study": study, "trials": resolved})


if __name__ == "__main__":
    config_flags.DEFINE_config_file("config", None, "Study file, for example configs/gradient_flow.py.")
    flags.DEFINE_string("workdir", None, "Directory of this study; run again, it does what is left.")
    flags.DEFINE_string(
        "sweep", None, "Combinations to run instead of the study's, for example 'cell.name=rnn,lstm;seed=0:4'."
    )
    flags.DEFINE_string("executor", "local", "Where trials run.")
    flags.DEFINE_integer("jobs", os.cpu_count() or 1, "Trials at a time, each in a process of its own.")
    command.start(main)
