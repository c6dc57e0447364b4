"""A study read from disk: its trials, grouped over seeds into what is to be compared."""

import difflib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rnnx.report.trial import CORE, Trial, read_json, read_trial


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

    @property
    def trials(self) -> list[Trial]:
        """All trials, in the order of the study."""
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
    def troubled(self) -> list[Trial]:
        """The trials that did not go well to the end."""
        return [trial for trial in self.trials if trial.status != "done" or trial.blown_up]

    def lengths(self, task: str) -> list[int]:
        """The lengths of a task, rising."""
        return sorted({group.length for group in self.groups if group.task == task})

    def groups_of(self, task: str, length: int | None = None) -> list[Group]:
        """The groups of a task, of one length or all."""
        return [group for group in self.groups if group.task == task and length in (None, group.length)]

    def variants_of(self, task: str) -> list[str]:
        """The variants that a task has, in the order of the study."""
        return list(dict.fromkeys(group.variant for group in self.groups_of(task)))


def read(workdir: Path) -> Study:
    """All trials under a directory, or the one that it is itself, finished or not.

    Raises:
      ValueError: no such directory, no trial in it, or a damaged file; the message names it.
    """
    if not workdir.is_dir():
        beside = [path.name for path in workdir.parent.glob("*") if path.is_dir()]
        near = difflib.get_close_matches(workdir.name, beside, n=1)
        raise ValueError(
            f"{workdir} is not a directory{f'; did you mean {workdir.parent / near[0]}?' if near else '.'}"
        )
    trials = [read_trial(directory, workdir) for directory in _directories(workdir)]
    if not trials:
        raise ValueError(f"{workdir} holds no trial: no config.json of a run in it or below it.")
    planned = list(read_json(workdir / "study.json").get("trials", {})) if (workdir / "study.json").exists() else []
    rank = {name: position for position, name in enumerate(planned)}
    trials.sort(key=lambda trial: (rank.get(trial.name, len(rank)), trial.name))
    there = {trial.name for trial in trials}
    return Study(
        name=workdir.resolve().name,
        groups=tuple(_groups(trials, [trials])),
        not_started=tuple(name for name in planned if name not in there),
    )


def named_alike(*studies: Study) -> tuple[Study, ...]:
    """The same studies, with their groups named by every setting that varies within one of them.

    So the LSTM of a study of one forget bias is called `lstm (forget bias 1)` beside a study of several.
    """
    trials = [study.trials for study in studies]
    return tuple(study._replace(groups=tuple(_groups(study.trials, trials))) for study in studies)


def _directories(workdir: Path) -> Iterator[Path]:
    for here, below, names in os.walk(workdir):
        below.sort()
        if "config.json" in names:
            below.clear()  # checkpoints have many files and no trials
            yield Path(here)


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

    The labels of tasks and variants tell what varies within any of `studies`.
    """
    of_tasks = _telling(studies, "task.", lambda trial: trial.settings["task.name"])
    of_variants = _telling(studies, "", lambda trial: (_label(trial, "task.name", of_tasks), trial.length))
    grouped = defaultdict(list)
    for trial in trials:
        task, variant = _label(trial, "task.name", of_tasks), _label(trial, "cell.name", of_variants)
        grouped[task, trial.length, variant].append(trial)
    for (task, length, variant), members in grouped.items():
        yield Group(task, length, variant, tuple(members))


def _telling(studies: list[list[Trial]], prefix: str, alike: Callable[[Trial], Any]) -> list[str]:
    """The settings that have more than one value among trials of a study that are alike."""
    found = defaultdict(set)
    for number, trials in enumerate(studies):
        for trial in trials:
            for field, value in trial.settings.items():
                if field.startswith(prefix) and field not in CORE:
                    found[field, number, alike(trial)].add(text(value))
    return sorted({field for (field, *_), values in found.items() if len(values) > 1})


def _label(trial: Trial, name: str, telling: list[str]) -> str:
    """For example `lstm (forget bias 0)`."""
    parts = [
        f"{field.rpartition('.')[2].replace('_', ' ')} {text(trial.settings[field])}"
        for field in telling
        if field in trial.settings
    ]
    return trial.settings[name] + (f" ({', '.join(parts)})" if parts else "")


def having(groups: list[Group], tag: str) -> list[Group]:
    """The groups with those of their trials alone that have measured a tag, first or last."""
    reduced = [g._replace(trials=tuple(t for t in g.trials if tag in t.first or tag in t.latest)) for g in groups]
    return [group for group in reduced if group.trials]


def longest(groups: list[Group]) -> list[Group]:
    """The groups of the greatest length."""
    return [group for group in groups if group.length == max(other.length for other in groups)]
