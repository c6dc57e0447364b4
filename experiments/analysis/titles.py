"""Whose a picture is: the network and what varies in its study, task, length and seed.

The same whether the directory of the study was given or that of the trial alone: a trial is named among those that the
study plans, which stand in `study.json` above it.
"""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from experiments.trials.trial import Trial
from rnnx.logbook import files
from rnnx.logbook.run_directory import STUDY
from rnnx.pytrees import flatten_dict
from rnnx.references import is_reference
from rnnx.report import study, trial
from rnnx.report.study import Group, Study

_CALLED = {
    "rnn": "RNN",
    "lstm": "LSTM",
    "gru": "GRU",
    "mingru": "minGRU",
    "minlstm": "minLSTM",
    "lru": "LRU",
    "rntn": "RNTN",
}
"""What cells are called in print."""


def titles(trials: Iterable[Trial]) -> dict[Path, str]:
    """The title of each trial by its directory: "LSTM, forget bias 1, adding, T = 64, seed 0"."""
    planned = functools.cache(_planned)  # of each directory once, also of many trials
    named = functools.cache(lambda root: _named(planned(root)))
    made = {}
    for one in trials:
        directory = one.directory.resolve()
        names = ((root, directory.relative_to(root).as_posix()) for root in directory.parents)
        root, name = next(((root, name) for root, name in names if name in planned(root)), (None, one.name))
        made[one.directory] = (named(root) if root else _named({name: one.config.to_dict()}))[name]
    return made


def _planned(root: Path) -> dict[str, dict[str, Any]]:
    """The settings of the trials that a study plans by their names; of a directory that is none, nothing."""
    trials = files.read_json(root / STUDY).get("trials", {}) if (root / STUDY).exists() else {}
    return {name: settings for name, settings in trials.items() if settings}


def _named(settings: dict[str, dict[str, Any]]) -> dict[str, str]:
    """A title for each of the trials of a study, by what varies among them."""
    among = [trial.Trial(name, "", "", flatten_dict(of), {}, ()) for name, of in settings.items()]
    (labelled,) = study.relabel(Study("", (Group("", 0, "", tuple(among)),), ()))
    return {
        one.name: ", ".join(
            (_network(group.variant), _plain(group.task), f"T = {group.length}", f"seed {one.settings['seed']}")
        )
        for group in labelled.groups
        for one in group.trials
    }


def _network(variant: str) -> str:
    """For example "LSTM, forget bias 1" of "lstm (forget bias 1)"."""
    name, bracket, settings = variant.partition(" (")
    words = " ".join(_CALLED.get(word, word) for word in name.split(" "))
    return _plain(words + bracket + settings)


def _plain(label: str) -> str:
    """Without brackets, and without underscores but in what is a name in anyone's own module."""
    name, *settings = label.removesuffix(")").split(" (", 1)
    return ", ".join([name if is_reference(name) else name.replace("_", " "), *settings])
