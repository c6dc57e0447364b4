"""Whose a picture is: the network and what varies in its study, task, length and seed.

The same whether the directory of the study was given or that of the trial alone: a trial is named among those that the
study plans, which stand in `study.json` above it.
"""

import contextlib
import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from experiments.trials.trial import Trial
from rnnx.logbook import files
from rnnx.logbook.run_directory import CONFIG, STUDY
from rnnx.pytrees import flatten_dict
from rnnx.references import is_reference
from rnnx.report import study, trial, words
from rnnx.report.study import Group, Study


def titles(trials: Iterable[Trial]) -> dict[Path, str]:
    """The title of each trial by its directory: "LSTM, forget bias 1, adding, T = 64, seed 0"."""
    planned = functools.cache(_planned)  # of each directory once, also of many trials
    named = functools.cache(lambda root: _named({root / name: of for name, of in planned(root).items()}))
    made = {}
    for one in trials:
        directory = one.directory.resolve()
        names = ((root, directory.relative_to(root).as_posix()) for root in directory.parents)
        root = next((root for root, name in names if name in planned(root)), None)
        made[one.directory] = (named(root) if root else _named({directory: one.config.to_dict()}))[directory]
    return made


def _planned(root: Path) -> dict[str, dict[str, Any]]:
    """The settings of the trials that a study plans by their names; of a directory that is none, nothing."""
    trials = files.read_json(root / STUDY).get("trials", {}) if (root / STUDY).exists() else {}
    return {name: settings for name, settings in trials.items() if settings}


def _named(settings: dict[Path, dict[str, Any]]) -> dict[Path, str]:
    """A title for each of the trials of a study, by what varies among them."""
    among = [trial.Trial(str(at), "", "", flatten_dict(of), _origin(at), ()) for at, of in settings.items()]
    (labelled,) = study.relabel(Study("", (Group("", 0, "", tuple(among)),), ()))
    return {
        Path(one.name): ", ".join(
            (_network(group.variant), _plain(group.task), f"T = {group.length}", f"seed {one.settings['seed']}")
        )
        for group in labelled.groups
        for one in group.trials
    }


def _origin(directory: Path) -> dict[str, Any]:
    """What stands beside the settings of a trial that has begun, such as the model that is usual for its task."""
    with contextlib.suppress(files.DamagedError):  # it may be another trial's, which is told where that is read
        return files.read_json(directory / CONFIG) if (directory / CONFIG).exists() else {}
    return {}


def _network(variant: str) -> str:
    """For example "LSTM, forget bias 1" of "lstm (forget bias 1)"."""
    name, bracket, settings = variant.partition(" (")
    called = " ".join(words.CALLED.get(word, word) for word in name.split(" "))
    return _plain(called + bracket + settings)


def _plain(label: str) -> str:
    """Without brackets, and without underscores but in what is a name in anyone's own module."""
    name, *settings = label.removesuffix(")").split(" (", 1)
    return ", ".join([name if is_reference(name) else name.replace("_", " "), *settings])
