"""One trial read from disk."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from rnnx.logbook.jsonl import read_metrics
from rnnx.settings import flatten

CORE = ("task.name", "task.length", "cell.name", "seed")
"""The settings that every trial has."""

Record = dict[str, Any]
"""One line of `metrics.jsonl`; empty where a trial has not got that far."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """What one trial left on disk."""

    name: str
    """Its directory, seen from the study's."""
    status: str
    """`done`, `failed` or `unfinished`."""
    error: str
    """Why it failed, else empty."""
    settings: dict[str, Any]
    """Its config, flat, with the names of the command line: `cell.name`, `task.length`, `seed`, …"""
    origin: dict[str, Any]
    """The rest of `config.json`: data, versions, platform, command, git revision, start."""
    records: tuple[Record, ...]
    """All lines of `metrics.jsonl`."""
    analysis: Record = dataclasses.field(default_factory=dict)
    """What `experiments.analyze` found at a checkpoint, all its files together."""
    analysed: dict[str, int] = dataclasses.field(default_factory=dict)
    """The training step of every tag of `analysis`."""
    initial: Record = dataclasses.field(default_factory=dict)
    """The same of the parameters before training."""
    folder: str = "."
    """Its directory, seen from the study's."""
    performance: tuple[Record, ...] = ()
    """All lines of `performance.jsonl`."""

    @property
    def length(self) -> int:
        """T, steps of time."""
        return int(self.settings["task.length"])

    @property
    def loss_unit(self) -> str:
        """Name and unit of the task's loss."""
        return str(self.origin.get("task_facts", {}).get("loss_unit", "loss"))

    @property
    def floor(self) -> float:
        """Loss of a predictor without memory, NaN if the record does not tell."""
        return float(self.origin.get("task_facts", {}).get("floor", np.nan))

    @property
    def measured(self) -> list[Record]:
        """The records that hold measurements, not only the training loss."""
        return [record for record in self.records if "heldout/loss" in record]

    @property
    def before(self) -> Record:
        """The measurement before training."""
        return next((record for record in self.measured if record["step"] == 0), {})

    @property
    def after(self) -> Record:
        """The last measurement after at least one step of training."""
        return next((record for record in reversed(self.measured) if record["step"] > 0), {})

    @property
    def first(self) -> Record:
        """The value of every tag before training: of `initial` where it has one, else of `before`."""
        return self.before | self.initial

    @property
    def latest(self) -> Record:
        """The last value of every tag: of `analysis` where it has one, else of `after`."""
        return self.after | self.analysis

    @property
    def blown_up(self) -> bool:
        """The last held-out loss is not a number, so that this trial is missing from medians."""
        return bool(np.isnan(self.after.get("heldout/loss", 0.0)))

    @property
    def last_step(self) -> int:
        """The training step up to which there is a record."""
        return int(self.records[-1]["step"]) if self.records else 0


def number(record: Record, tag: str) -> float:
    """A number of a record, NaN if the record lacks it."""
    return float(record.get(tag, np.nan))


def curve(record: Record, tag: str, length: int) -> np.ndarray:
    """A curve over lag of a record, `[length]`, NaN if the record lacks it."""
    return np.asarray(record.get(tag, np.full(length, np.nan)), float)


def read_trial(directory: Path, workdir: Path) -> Trial:
    """A trial, finished or not.

    Raises:
      ValueError: a damaged file; the message names it.
    """
    origin = read_json(directory / "config.json")
    settings = flatten(origin.pop("config")) if isinstance(origin.get("config"), dict) else {}
    missing = [field for field in CORE if field not in settings]
    if missing:
        raise ValueError(f"{directory / 'config.json'} is not the record of a run: it lacks {', '.join(missing)}.")
    failed = directory / "FAILED.json"
    folder = directory.relative_to(workdir).as_posix()
    analysis, steps = _read_analysis(directory / "analysis")
    return Trial(
        name=folder if directory != workdir else workdir.resolve().name,
        status="done" if (directory / "DONE.json").exists() else "failed" if failed.exists() else "unfinished",
        error=str(read_json(failed).get("error", "")) if failed.exists() else "",
        settings=settings,
        origin=origin,
        records=tuple(read_metrics(directory / "metrics.jsonl")),
        analysis=analysis,
        analysed=steps,
        initial=_read_analysis(directory / "analysis" / "initial")[0],
        folder=folder,
        performance=tuple(read_metrics(directory / "performance.jsonl")),
    )


def _read_analysis(directory: Path) -> tuple[Record, dict[str, int]]:
    found: Record = {}
    steps: dict[str, int] = {}
    for path in sorted(directory.glob("*.json")):
        content = read_json(path)
        values, step = content.get("values"), content.get("step")
        if not isinstance(values, dict) or not isinstance(step, int):
            raise ValueError(f"{path} is not the record of an analysis: it lacks values or step.")
        found |= values
        steps |= dict.fromkeys(values, step)
    return found, steps


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
      ValueError: it is none; the message names the file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ValueError(f"{path}: not a JSON file; it is damaged.") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: not a JSON object.")
    return content
