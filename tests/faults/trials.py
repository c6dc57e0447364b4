"""A trial that lasts long enough to be disturbed, and what can be seen of it on disk."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.helpers import at_hand

STEPS = 400
SAVED_EVERY = 20
LASTING = (
    "--config=tests/experiments/study_small.py",
    f"--config.steps={STEPS}",
    f"--config.checkpoint_every={SAVED_EVERY}",
    "--config.measure_every=100",
    "--config.diagnostics=state_gradient",
)
ONE = (*LASTING, "--config.cell.name=lstm")
"""Arguments of `run`; in a sweep over seeds the trial of seed 0 is the same."""


class Outcome(NamedTuple):
    """What two runs of a trial must agree in."""

    metrics: str
    """sha256 of the record."""
    state: dict[str, Any]
    """Of the last checkpoint: dtype, shape and sha256 of every array (parameters, optimiser, step)."""
    best: tuple[int, str]
    """Step of the best measurement, and sha256 of its parameters."""


def outcome(directory: Path, step: int = STEPS) -> Outcome:
    """Of a trial that is done."""
    assert (directory / "DONE.json").exists()
    metrics = (directory / "metrics.jsonl").read_bytes()
    (arrays,) = (directory / "checkpoints" / str(step) / "leaves").rglob("metadata")
    best = json.loads((directory / "DONE.json").read_text())["best"]["step"]
    params = (directory / "checkpoints" / "best" / f"{best}.npz").read_bytes()
    return Outcome(
        hashlib.sha256(metrics).hexdigest(), json.loads(arrays.read_text()), (best, hashlib.sha256(params).hexdigest())
    )


def newest(directory: Path) -> int:
    """The step of the newest checkpoint, -1 if there is none."""
    names = [path.name for path in (directory / "checkpoints").glob("*")]
    return max((int(name) for name in names if name.isdigit()), default=-1)


def at(directory: Path, moment: int) -> bool:
    """Whether a trial has a checkpoint of that step, or (0) has begun."""
    return newest(directory) >= moment if moment else (directory / "config.json").exists()


def need_data(task: str) -> None:
    """Skip a test of a task whose data is not on this machine."""
    if not at_hand.by_default(task):
        pytest.skip(f"the data of {task} is not on this machine")
