"""Trials that are trained as one program, side by side by `vmap`."""

from collections import Counter
from collections.abc import Iterable, Sequence

from experiments import files
from experiments.config import Config, alike
from experiments.trial import Group, Trial


def grouped(trials: Iterable[Trial], most: int, sweep: Sequence[Trial] = ()) -> list[Group]:
    """Put trials together, at most `most` in a group; the groups that take longest come first.

    Args:
      trials: what is to be trained.
      most: trials in a group.
      sweep: all that the sweep has, the done ones too. From them follows the width of trials that have not begun, so
        that it is the same whatever was done before; without them, from `trials`.
    """
    trials = list(trials)
    counts = Counter(alike(trial.config) for trial in sweep or trials)
    kinds: dict[tuple[Config, int], list[Trial]] = {}
    for trial in trials:
        kind = alike(trial.config)
        slots = _begun_with(trial) or _width(counts[kind], most)
        kinds.setdefault((kind, slots), []).append(trial)
    groups = [
        Group(tuple(members[start : start + slots]), slots)
        for (_, slots), members in kinds.items()
        for start in range(0, len(members), slots)
    ]
    return sorted(groups, key=_work, reverse=True)


def _width(count: int, most: int) -> int:
    """The same for all of a kind, so that they share a program, with as few places empty as can be."""
    return -(-count // -(-count // most))


def _begun_with(trial: Trial) -> int | None:
    """The width of a trial that has begun."""
    path = trial.directory / "config.json"
    return files.read_json(path).get("slots", 1) if path.exists() else None


def _work(group: Group) -> int:
    config = group.trials[0].config
    return group.slots * config.steps * config.task.size
