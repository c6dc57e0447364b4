"""Trials that are trained as one program, side by side by `vmap`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from experiments.build import program_key
from experiments.config import Config
from experiments.trials.trial import Trial, TrialGroup
from rnnx.logbook import files
from rnnx.logbook.run_directory import CHECKPOINTS, CONFIG


def grouped(trials: Iterable[Trial], most: int, sweep: Sequence[Trial] = ()) -> list[TrialGroup]:
    """Put trials together, at most `most` in a group; the groups that take longest come first.

    Args:
      trials: what is to be trained.
      most: trials in a group.
      sweep: all that the sweep has, the done ones too. From them follows the width of trials that have not begun, so
        that it is the same whatever was done before; without them, from `trials`.
    """
    trials = list(trials)
    counts = Counter(program_key(trial.config) for trial in sweep or trials)
    kinds: dict[tuple[Config, int], list[Trial]] = {}
    for trial in trials:
        kind = program_key(trial.config)
        vmap_width = _begun_with(trial) or _width(counts[kind], most)
        kinds.setdefault((kind, vmap_width), []).append(trial)
    groups = [
        TrialGroup(together, vmap_width)
        for (_, vmap_width), members in kinds.items()
        for together in _together(members, vmap_width)
    ]
    return sorted(groups, key=_work, reverse=True)


def _together(members: list[Trial], vmap_width: int) -> Iterator[tuple[Trial, ...]]:
    """At most `vmap_width` at a time of trials of a kind, none of them so far behind that it would set the others back.

    A group goes on from the newest checkpoint that all its trials have, of which each keeps two. A kill leaves some of
    them one behind, while what is new in a sweep that grows has none.
    """
    saved = {trial: _newest(trial) for trial in members}
    found: list[Trial] = []
    for trial in sorted(members, key=saved.__getitem__):
        if found and (len(found) == vmap_width or saved[trial] > saved[found[0]] + trial.config.checkpoint_every):
            yield tuple(found)
            found = []
        found.append(trial)
    if found:
        yield tuple(found)


def _newest(trial: Trial) -> int:
    """The step of the newest checkpoint, 0 if there is none."""
    steps = [path.name for path in (trial.directory / CHECKPOINTS).glob("*") if path.name.isdigit()]
    return max(map(int, steps), default=0)


def _width(count: int, most: int) -> int:
    """The same for all of a kind, so that they share a program, with as few places empty as can be."""
    return -(-count // -(-count // most))


def _begun_with(trial: Trial) -> int | None:
    """The width of a trial that has begun."""
    path = trial.directory / CONFIG
    return files.read_json(path).get("slots", 1) if path.exists() else None


def _work(group: TrialGroup) -> int:
    config = group.trials[0].config
    return group.vmap_width * config.steps * config.length
