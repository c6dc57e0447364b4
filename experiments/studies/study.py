"""The trials of a sweep: from points to trials with names, and doing what is left of them."""

import contextlib
import difflib
import functools
import json
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

from experiments.config import Config, difference, field_type, names_first, parse, plain
from experiments.errors import ConfigError, described
from experiments.executors import Executor, Options
from experiments.progress import Display, duration
from experiments.studies import grammar, names
from experiments.studies.advice import advice
from experiments.studies.grid import Point
from experiments.trials import groups, lock, signals
from experiments.trials.recorder import shown_at_the_end, write_row
from experiments.trials.trial import Trial, diverged, finished
from rnnx.logbook import files, hparams
from rnnx.logbook.run_directory import DONE, LOCK, METRICS, STUDY, STUDY_RUN
from rnnx.pytrees import flatten_dict
from rnnx.report.metrics import FINAL_TAGS


def points_of(spec: str | None, base: ConfigDict, module: ModuleType, path: Path) -> list[Point]:
    """Those of the text of `--sweep`, or else of the `sweep()` of the study in a file.

    Raises:
      ConfigError: a text that can't be read, or a study whose `sweep()` is missing or broken.
    """
    if spec is not None:
        return grammar.parse(spec, functools.partial(field_type, base))
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
    return [{field: plain(value) for field, value in point.items()} for point in found]


def overridden(flags: Mapping[str, str], grid: Sequence[Point]) -> Iterator[str]:
    """What is to be said of flags such as `--config.seed=3`, each with its field, that do not hold for some trials.

    Raises:
      ConfigError: a flag that holds for none, since all points of the sweep set its field.
    """
    for flag, field in flags.items():
        values = [point[field] for point in grid if field in point]
        shown = ", ".join(map(str, dict.fromkeys(values)))
        if values and len(values) == len(grid):
            raise ConfigError(
                f"{flag} would hold for no trial: the sweep sets {field} in each ({shown}). "
                f"Its values are chosen by --sweep, in place of the study's sweep: --sweep='{field}=…'."
            )
        if values:
            yield f"{flag} does not hold for {len(values)} of {len(grid)} trials: the sweep sets {field} ({shown})."


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
            lock.check(trial.directory / LOCK)
            todo.append(trial)
    if not (todo or failed):
        print(f"all {len(trials)} trials are done.")
        return 0
    took = ""
    if todo:
        with _stoppable(), Display(trials, todo, failed) as display:
            first, *rest = groups.grouped(todo, vectorize, trials)
            executor([first._replace(profile=profile), *rest], options, display.update)
        failed, took = display.failed, f", in {duration(display.elapsed)}"
    for name, error in failed.items():
        print(f"{name} failed: {error}")
    for told in dict.fromkeys(advice(trial.config) for trial in trials if trial.name in failed and diverged(trial)):
        print(told)
    print(f"{len(trials) - len(failed)} of {len(trials)} trials are done{took}.")
    return 1 if failed else 0


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """While trials run, a signal asks for an end; what comes after them it ends as ever."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    signals.install(*before)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def recorded(directory: Path, trials: Sequence[Trial]) -> list[Trial]:
    """The trials of a sweep, those that study.json has by the names that they have there, whatever varies now.

    So a sweep can grow: there may be more trials now, and those that are there may have more steps.

    Raises:
      ConfigError: study.json has trials that this sweep does not have, or others of their names.
    """
    path = directory / STUDY
    if not path.exists():
        return list(trials)
    there, here = files.read_json(path)["trials"], _resolved(trials)
    same = {_text(settings): name for name, settings in there.items()}
    called = {trial: name for trial in trials if (name := same.pop(_text(here[trial.name]), None))}
    # Where the name tells of the steps, it can't be that of a trial of more.
    shorter = {_text(there[name] | {"steps": 0}): name for name in same.values() if ",steps=" not in name}
    for trial in trials:
        text = _text(here[trial.name] | {"steps": 0})
        if trial not in called and text in shorter and there[shorter[text]]["steps"] < trial.config.steps:
            called[trial] = shorter.pop(text)
    left = there.keys() - called.values()
    added = {trial.name for trial in trials if trial not in called}
    if left or added & there.keys():
        gone, new = sorted(left - here.keys()), sorted(added - there.keys())
        parts = [f"trials there but not here: {', '.join(gone[:3])}" if gone else ""]
        parts += [f"trials here but not there: {', '.join(new[:3])}" if new else ""]
        parts += [next((difference(there[n], here[n]) for n in sorted(added & there.keys())), "")]
        told = "; ".join(filter(None, parts))
        raise ConfigError(
            f"{directory} holds another sweep: {told}. Choose another --workdir; "
            "a sweep that grows has all trials that are there, and with no fewer steps."
        )
    return [
        trial._replace(name=name, directory=directory / name)
        for trial in trials
        for name in [called.get(trial, trial.name)]
    ]


def record(directory: Path, study: str, trials: Sequence[Trial]) -> None:
    """Write study.json, of trials as `recorded` gives them, and the columns of TensorBoard's HParams page, unless they
    say the same.

    The columns are those of the study, and TensorBoard takes them from one run: so one process writes them, the driver,
    which holds the study's lock, and not the trials, of which many run at once, anywhere, and may die at any moment.

    Raises:
      ConfigError: another process has written one of other trials.
    """
    path = directory / STUDY
    if recorded(directory, trials) != list(trials):
        raise ConfigError(f"{path} has just been changed by another process: run again.")
    resolved = _resolved(trials)
    there = files.read_json(path) if path.exists() else {"study": study}
    here = there | {"trials": resolved}
    if there == here and hparams.has_study(directory / STUDY_RUN):
        return
    if there != here:
        files.write_json(path, here)
    (directory / STUDY_RUN).mkdir(exist_ok=True)
    write_columns(directory, shown_in_the_end(trials))
    for trial in trials:
        if (trial.directory / METRICS).exists():  # begun when the study had fewer trials, and columns
            write_row(trial.directory, resolved[trial.name], resolved.values())


def write_columns(directory: Path, metrics: Iterable[str]) -> None:
    """Write what varies in the study of a directory, with the tags that trials come to, for TensorBoard's HParams page.

    It stands in a run of its own, which has no row.
    """
    study = files.read_json(directory / STUDY)["trials"].values()
    hparams.write_study(directory / STUDY_RUN, hparams.columns(map(flatten_dict, study)), metrics)


def shown_in_the_end(trials: Iterable[Trial]) -> list[str]:
    """The tags that trials come to, as far as they have begun; those of a model of one part where none has."""
    alike = {_text(_settings_of_tags(trial)): trial for trial in trials if (trial.directory / METRICS).exists()}
    found = dict.fromkeys(tag for trial in alike.values() for tag in shown_at_the_end(trial.directory))
    return list(found) or FINAL_TAGS


def _config(base: ConfigDict, override: Point) -> Config:
    given = base.copy_and_resolve_references()
    for field, value in names_first(override):
        kind = field_type(given, field)
        try:
            given.update_from_flattened_dict({field: value})
        except (TypeError, ValueError):  # of ml_collections, in words of its own
            raise ConfigError(f"the sweep sets {field} to {value!r}, and it must be {described(kind)}.") from None
    try:
        return parse(given)
    except ConfigError as error:
        settings = ", ".join(f"{field}={value}" for field, value in override.items())
        raise ConfigError(f"{error} (In the trial of {settings}.)") from None


def _settings_of_tags(trial: Trial) -> dict[str, Any]:
    """On which it depends what a trial records: the parts of its model, and whether there is a test split."""
    settings = trial.config.to_dict()
    return {name: settings[name] for name in ("model", "task", "diagnostics")} | {
        "done": (trial.directory / DONE).exists()
    }


def _text(settings: dict[str, Any]) -> str:
    """Equal for equal settings."""
    return json.dumps(settings, sort_keys=True)


def _resolved(trials: Sequence[Trial]) -> dict[str, Any]:
    return {trial.name: trial.config.to_dict() for trial in trials}
