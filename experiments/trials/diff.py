"""Whether two trials of one config came to the same, bit by bit, and if not, where they part and how far."""

import itertools
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.build import initial
from experiments.config import Config
from rnnx.logbook import Checkpoints, read_metrics
from rnnx.logbook.checkpoints import by_name
from rnnx.logbook.run_directory import CHECKPOINTS, METRICS
from rnnx.pytrees import flatten_dict


class Difference(NamedTuple):
    """Something that is not the same in both."""

    name: str
    """For example `train/loss at step 20`."""
    relative: float
    """The largest difference over the larger of the two numbers; infinite where only one has such a number."""

    def __str__(self) -> str:
        how = f"by {self.relative:.1e} of its size" if np.isfinite(self.relative) else "and is not a number in both"
        return f"{self.name} differs {how}"


def metrics(one: Path, other: Path) -> list[str]:
    """What tells the `metrics.jsonl` of two directories apart, in sentences; nothing if they are equal byte for byte.

    Raises:
      ValueError: one of them is damaged.
    """
    if (one / METRICS).read_bytes() == (other / METRICS).read_bytes():
        return []
    records = read_metrics(one / METRICS), read_metrics(other / METRICS)
    for here, there in itertools.zip_longest(*records):
        if here is None or there is None or here["step"] != there["step"]:
            step = min(record["step"] for record in (here, there) if record is not None)
            return [f"only one has a record of step {step}"]
        found = _differences(flatten_dict(here), flatten_dict(there))
        if found:
            first = found[0]._replace(name=f"{found[0].name} at step {here['step']}")
            break
    else:
        return ["the numbers are the same and written in another way"]
    found = _differences(flatten_dict(records[0][-1]), flatten_dict(records[1][-1]))
    at = f"of the {len(flatten_dict(records[0][-1])) - 1} final values"
    if not found:
        return [f"first, {first}", f"none {at} differs"]
    return [f"first, {first}", f"{len(found)} {at} differ, most of all: {max(found, key=lambda place: place.relative)}"]


def checkpoints(one: Path, other: Path, config: Config) -> list[str]:
    """What tells the last checkpoints of two directories apart, in sentences; nothing if all bits are equal.

    Raises:
      CheckpointError: one is of another model.
    """
    shapes = jax.eval_shape(initial(config))
    found = []
    for directory in (one, other):
        there = directory / CHECKPOINTS
        latest = Checkpoints(there, read_only=True).restore_latest(shapes) if there.is_dir() else None
        if latest is None:
            return [f"{directory} has none to compare"]
        found.append(latest)
    if found[0][0] != found[1][0]:
        return [f"that of {one} is of step {found[0][0]}, that of {other} of step {found[1][0]}"]
    leaves = [{name: np.asarray(leaf) for name, leaf in by_name(state).items()} for _, state in found]
    apart = [
        Difference(name, _relative(here, leaves[1][name]))
        for name, here in leaves[0].items()
        if here.tobytes() != leaves[1][name].tobytes()
    ]
    if not apart:
        return []
    return [f"{len(apart)} of {len(leaves[0])} arrays differ, most of all: {max(apart, key=lambda p: p.relative)}"]


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[Difference]:
    """The tags that are not equal in two records, in their order."""
    places = [Difference(tag, _relative(one.get(tag), other.get(tag))) for tag in dict.fromkeys([*one, *other])]
    return [place for place in places if place.relative > 0]


def _relative(one: Any, other: Any) -> float:
    """The largest difference of two numbers or arrays of numbers, over the larger of the two; NaN equals NaN."""
    if one is None or other is None or np.shape(one) != np.shape(other):
        return np.inf
    a, b = np.asarray(one, float), np.asarray(other, float)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))
    return float(np.max(np.where(same, 0.0, np.where(np.isfinite(relative), relative, np.inf)), initial=0.0))
