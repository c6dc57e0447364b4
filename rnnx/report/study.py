"""A study read from disk: its trials, grouped over seeds into what is to be compared."""

import difflib
import inspect
import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import rnnx
from rnnx.logbook.files import read_json
from rnnx.logbook.run_directory import CHECKPOINTS, CONFIG, STUDY
from rnnx.pytrees import flatten_dict
from rnnx.report.trial import CORE, Trial, by_part, number, read_trial


class StudyError(ValueError):
    """There is no study to be read; the message says where, and what there is."""


class Group(NamedTuple):
    """Trials that differ in their seed alone."""

    task: str
    length: int
    variant: str
    trials: tuple[Trial, ...]


class Study(NamedTuple):
    """All that a report is made of."""

    name: str
    groups: tuple[Group, ...]
    not_started: tuple[str, ...]
    """Trials that `study.json` plans and that have no directory yet."""
    waiting: tuple[dict[str, Any], ...] = ()
    """Their settings."""
    left_out: str = ""
    """A sentence on what is in the directory and not in the study; empty where there is nothing."""

    @property
    def trials(self) -> list[Trial]:
        """All trials, in the order of the study; one whose model has several parts is there once."""
        return list({trial.name: trial for trial in reversed(self.views)}.values())[::-1]

    @property
    def views(self) -> list[Trial]:
        """All trials, each once for every part of its model."""
        return [trial for group in self.groups for trial in group.trials]

    @property
    def tasks(self) -> list[str]:
        """Labels of the tasks."""
        return list(dict.fromkeys(group.task for group in self.groups))

    @property
    def variants(self) -> list[str]:
        """Labels of the variants over all tasks, in the order of the study."""
        return list(dict.fromkeys(group.variant for group in self.groups))

    @property
    def incomplete(self) -> list[Trial]:
        """The trials that did not go well to the end."""
        return [trial for trial in self.trials if trial.status != "done" or trial.diverged]

    def lengths(self, task: str) -> list[int]:
        """The lengths of a task, rising."""
        return sorted({group.length for group in self.groups if group.task == task})

    def groups_of(self, task: str, length: int | None = None) -> list[Group]:
        """The groups of a task, of one length or all."""
        return [group for group in self.groups if group.task == task and length in (None, group.length)]

    def variants_of(self, task: str) -> list[str]:
        """The variants that a task has, in the order of the study."""
        return list(dict.fromkeys(group.variant for group in self.groups_of(task)))

    def cell_of(self, variant: str) -> str:
        """The name of a variant's cell, or of its model where it is called by that."""
        trial = next(group.trials[0] for group in self.groups if group.variant == variant)
        network, cell = variant.partition(" (")[0], trial.settings["cell.name"]
        return cell if network.endswith(cell) else network

    def not_started_of(self, group: Group) -> int:
        """How many seeds of a group have no directory yet."""
        alike = group.trials[0].config
        return sum(settings | {"seed": alike["seed"]} == alike for settings in self.waiting)


def read(workdir: Path) -> Study:
    """All trials under a directory, or the one that it is itself, finished or not.

    Of a directory that is both, its sweep is read, and where it has none the trial that it is.

    Raises:
      StudyError: no such directory, or no trial in it.
      DamagedError: a file is.
    """
    if not workdir.is_dir():
        beside = [path.name for path in workdir.parent.glob("*") if path.is_dir()]
        near = difflib.get_close_matches(workdir.name, beside, n=1)
        raise StudyError(
            f"{workdir} is not a directory{f'; did you mean {workdir.parent / near[0]}?' if near else '.'}"
        )
    planned = read_json(workdir / STUDY).get("trials", {}) if (workdir / STUDY).exists() else {}
    below = list(_below(workdir))
    of_sweep = [path for path in below if path.relative_to(workdir).as_posix() in planned] if planned else below
    alone = (workdir / CONFIG).exists() and not (of_sweep and planned)
    directories = [workdir] if alone else of_sweep
    left = below if alone else [path for path in below if path not in of_sweep]
    trials = [view for directory in directories for view in by_part(read_trial(directory, workdir))]
    if not trials:
        raise StudyError(f"{workdir} holds no trial: no config.json of a run in it or below it.")
    rank = {name: position for position, name in enumerate(planned)}
    trials.sort(key=lambda trial: (rank.get(trial.name, len(rank)), trial.name))
    started = {trial.name for trial in trials}
    not_started = tuple(name for name in planned if name not in started)
    return Study(
        name=workdir.resolve().name,
        groups=tuple(_groups(trials, [trials])),
        not_started=not_started,
        waiting=tuple(flatten_dict(planned[name]) for name in not_started if planned[name]),
        left_out=_left_out(workdir, left, alone),
    )


def relabel(*studies: Study) -> tuple[Study, ...]:
    """The same studies, with their groups named by every setting that varies within one of them.

    So the LSTM of a study of one forget bias is called `lstm (forget bias 1)` beside a study of several.
    """
    trials = [study.views for study in studies]
    return tuple(
        study._replace(groups=tuple(_groups(views, trials))) for study, views in zip(studies, trials, strict=True)
    )


def _below(workdir: Path) -> Iterator[Path]:
    """The directories of trials in a directory, without itself."""
    for here, below, names in os.walk(workdir):
        below[:] = sorted(name for name in below if name != CHECKPOINTS)  # with many files and no trials
        if CONFIG in names and Path(here) != workdir:
            yield Path(here)


def _left_out(workdir: Path, left: list[Path], alone: bool) -> str:
    said = []
    if not alone and (workdir / CONFIG).exists():
        said += [f"{workdir} holds both a run and a sweep; this is about the sweep, and the run is left out."]
    if left:
        what = "a run, which this is about, and trials below it" if alone else "trials that are not of its sweep"
        others = f"{left[0].relative_to(workdir)}{f' and {len(left) - 1} more' if left[1:] else ''}"
        said += [f"{workdir} holds {what}, which are left out: {others}."]
    return " ".join(said)


def text(value: Any) -> str:
    """A setting as people write it.

    >>> text(1.0), text(0.003), text(["a", "b"]), text("orthogonal")
    ('1', '0.003', 'a, b', 'orthogonal')
    """
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(text, value)) if isinstance(value, list) else str(value)


def _groups(trials: list[Trial], studies: list[list[Trial]]) -> Iterator[Group]:
    """Trials of one task, length and variant; tasks and variants in the order in which they first come.

    The labels of tasks and variants tell what varies within any of `studies`. What goes without saying is left out: an
    option of a cell or model that is its default, and how a model was trained that has nothing to train.
    """
    of_tasks = _varying_fields(studies, "task.", lambda trial: trial.settings["task.name"])

    def task_label(trial: Trial) -> str:
        return _label(trial, trial.settings["task.name"], of_tasks)

    def alike(trial: Trial) -> Any:
        untrained = number(trial.after, "train/gradient_norm") == 0
        return task_label(trial), trial.length, trial.settings.get("model.name") if untrained else None

    of_variants = _varying_fields(studies, "", alike)
    cells = defaultdict(set)
    for trial in itertools.chain(*studies):
        cells[trial.settings.get("model.name")].add(trial.settings["cell.name"])
    grouped = defaultdict(list)
    for trial in trials:
        task, variant = task_label(trial), _label(trial, _network(trial, cells), of_variants)
        grouped[task, trial.length, variant].append(trial)
    for (task, length, variant), members in grouped.items():
        yield Group(task, length, variant, tuple(members))


def _network(trial: Trial, cells: dict[Any, set[str]]) -> str:
    """A network by its cell; where the model is not the one that is usual for the task, by the model, and by the cell
    too if it has several."""
    cell, model = trial.settings["cell.name"], trial.settings.get("model.name")
    usual = trial.origin.get("task_facts", {}).get("model", "sequence" if len(cells) > 1 else model)
    if model in (usual, None):
        return cell
    return f"{model} {cell}" if len(cells[model]) > 1 else model


def _varying_fields(studies: list[list[Trial]], prefix: str, alike: Callable[[Trial], Any]) -> list[str]:
    """The settings that have more than one value among trials of a study that are alike, not all of them defaults."""
    distinct: defaultdict[Any, dict[str, bool]] = defaultdict(dict)
    for study_number, trials in enumerate(studies):
        for trial in trials:
            same = alike(trial)
            for field, value in trial.settings.items():
                if field.startswith(prefix) and field not in (*CORE, "model.name"):
                    among = distinct[field, study_number, same]
                    among[text(value)] = among.get(text(value), True) and _is_default(trial, field)
    return sorted({field for (field, *_), among in distinct.items() if len(among) > 1 and not all(among.values())})


def _is_default(trial: Trial, field: str) -> bool:
    """Whether a setting is an option of one of rnnx's cells or models, and has the value that this has by itself."""
    section, _, option = field.partition(".")
    registry = {"cell": rnnx.cells, "model": rnnx.models}.get(section)
    name = trial.settings.get(f"{section}.name")
    if registry is None or name not in registry.names():
        return False
    factory = registry.get(name)
    made = factory.__init__ if isinstance(factory, type) else factory  # type: ignore[misc]
    parameter = inspect.signature(made).parameters.get(option)
    return parameter is not None and text(parameter.default) == text(trial.settings[field])


def _label(trial: Trial, name: str, fields: list[str]) -> str:
    """For example `lstm (forget bias 0)`."""
    parts = [
        f"{field.rpartition('.')[2].replace('_', ' ')} {text(trial.settings[field])}"
        for field in fields
        if field in trial.settings
    ]
    return name + (f" ({', '.join(parts)})" if parts else "")


def with_tag(groups: list[Group], tag: str) -> list[Group]:
    """The groups with those of their trials alone that have measured a tag, first or last."""
    reduced = [g._replace(trials=tuple(t for t in g.trials if tag in t.first or tag in t.latest)) for g in groups]
    return [group for group in reduced if group.trials]


def longest(groups: list[Group]) -> list[Group]:
    """The groups of the greatest length."""
    return [group for group in groups if group.length == max(other.length for other in groups)]
