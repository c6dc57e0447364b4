"""The trials of a sweep: from points to trials with names, and doing what is left of them."""

import difflib
import functools
import signal
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

from experiments import files, groups, interruption, lock, names, points
from experiments.config import Config, ConfigError, difference, field_type, parse
from experiments.executors import Executor, Options
from experiments.points import Point
from experiments.progress import Display
from experiments.trial import Trial, diverged, finished


def points_of(spec: str | None, base: ConfigDict, module: ModuleType, path: Path) -> list[Point]:
    """Those of the text of `--sweep`, or else of the `sweep()` of the study in a file.

    Raises:
      ConfigError: a text that can't be read, or a study whose `sweep()` is missing or broken.
    """
    if spec is not None:
        return points.parse(spec, functools.partial(field_type, base))
    if not hasattr(module, "sweep"):
        raise ConfigError(f"{path} has no sweep(): give one, for example --sweep='cell.name=rnn,lstm;seed=0:4'.")
    try:
        found = module.sweep()
    except ConfigError:
        raise
    except Exception as error:  # it is the user's code and may raise anything
        raise ConfigError(f"--config={path}: sweep() failed: {type(error).__name__}: {error}") from None
    if not isinstance(found, list) or not all(isinstance(point, dict) for point in found):
        raise ConfigError(f"--config={path}: sweep() must return a list of points, such as {{'cell.name': 'rnn'}}.")
    return found


def resolve(base: ConfigDict, overrides: Sequence[Point], directory: Path) -> list[Trial]:
    """The trials of a sweep, each with its checked config and a name that is unique.

    Raises:
      ConfigError: a setting that can't be used, or two trials that are the same.
    """
    configs = [_config(base, override) for override in overrides]
    if not configs:
        raise ConfigError("the sweep has no trials.")
    trials: dict[str, Trial] = {}
    called: dict[Config, str] = {}
    for name, config in zip(names.names(overrides, configs), configs, strict=True):
        if name in trials:
            raise ConfigError(f"the sweep has two trials called {name}: the same settings are there twice.")
        if config in called:
            raise ConfigError(f"the sweep has two trials with the same settings: {called[config]} and {name}.")
        called[config] = name
        trials[name] = Trial(name, config, directory / name)
    return list(trials.values())


def select(trials: list[Trial], only: Sequence[str], skip: Sequence[str]) -> list[Trial]:
    """The trials whose names match one of the patterns `only`, if there are any, and none of `skip`.

    Raises:
      ConfigError: a pattern that matches no name, or nothing is left.
    """
    known = [trial.name for trial in trials]
    for pattern in (*only, *skip):
        if not any(fnmatchcase(name, pattern) for name in known):
            near = difflib.get_close_matches(pattern, known, n=3, cutoff=0.4) or known[:3]
            raise ConfigError(f"no trial has a name that matches {pattern!r}; there are {'; '.join(near)}.")
    selected = [
        trial
        for trial in trials
        if (not only or any(fnmatchcase(trial.name, pattern) for pattern in only))
        and not any(fnmatchcase(trial.name, pattern) for pattern in skip)
    ]
    if not selected:
        raise ConfigError(f"--only and --skip leave none of the {len(trials)} trials.")
    return selected


def execute(
    trials: Sequence[Trial], options: Options, executor: Executor, vectorize: int = 1, profile: bool = False
) -> int:
    """Run what is not done, with a live display; 0 if in the end all is done, 1 if a trial failed.

    Args:
      trials: what is to be done.
      options: given to the executor.
      executor: one of `experiments.executors`.
      vectorize: trials that are trained as one program, at most.
      profile: whether to write a trace of the first of them.

    Raises:
      ConfigError: a directory holds a trial of another config, or another process trains it.
      Interrupted: a signal asked for an end; what was trained is saved.
    """
    todo, failed = [], {}
    for trial in trials:
        if finished(trial):
            continue
        if why := diverged(trial):
            failed[trial.name] = f"{why} (before, and it would again; delete its FAILED.json to try)"
        else:
            lock.check(trial.directory / "trial.lock")
            todo.append(trial)
    if not (todo or failed):
        print(f"all {len(trials)} trials are done.")
        return 0
    if todo:
        interruption.install(signal.SIGINT, signal.SIGTERM)
        with Display(len(trials), todo, failed) as display:
            first, *rest = groups.grouped(todo, vectorize, trials)
            executor([first._replace(profile=profile), *rest], options, display.update)
        failed = display.failed
    for name, error in failed.items():
        print(f"{name} failed: {error}")
    print(f"{len(trials) - len(failed)} of {len(trials)} trials are done.")
    return 1 if failed else 0


def check_record(directory: Path, trials: Sequence[Trial]) -> bool:
    """Whether there is a study.json of this sweep.

    Raises:
      ConfigError: there is one of another sweep.
    """
    path = directory / "study.json"
    if not path.exists():
        return False
    there, here = files.read_json(path)["trials"], _resolved(trials)
    if there != here:
        gone, new = sorted(there.keys() - here.keys()), sorted(here.keys() - there.keys())
        parts = [f"trials there but not here: {', '.join(gone[:3])}" if gone else ""]
        parts += [f"trials here but not there: {', '.join(new[:3])}" if new else ""]
        parts += [next((difference(there[n], here[n]) for n in there if n in here and there[n] != here[n]), "")]
        told = "; ".join(filter(None, parts))
        raise ConfigError(f"{directory} holds another sweep: {told}. Choose another --workdir.")
    return True


def record(directory: Path, study: str, trials: Sequence[Trial]) -> None:
    """Write study.json, unless it is there.

    Raises:
      ConfigError: as `check_record`.
    """
    if not check_record(directory, trials):
        files.write_json(directory / "study.json", {"study": study, "trials": _resolved(trials)})


def _config(base: ConfigDict, override: Point) -> Config:
    given = base.copy_and_resolve_references()
    for field, value in override.items():
        field_type(base, field)
        try:
            given.update_from_flattened_dict({field: value})
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the sweep sets {field} to {value!r}: {error}") from None
    try:
        return parse(given)
    except ConfigError as error:
        settings = ", ".join(f"{field}={value}" for field, value in override.items())
        raise ConfigError(f"{error} (In the trial of {settings}.)") from None


def _resolved(trials: Sequence[Trial]) -> dict[str, Any]:
    return {trial.name: trial.config.to_dict() for trial in trials}
