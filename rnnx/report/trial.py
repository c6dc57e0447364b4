"""One trial read from disk."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnnx.computational_graph import Graph
from rnnx.logbook.files import DamagedError, read_json
from rnnx.logbook.jsonl import read_metrics
from rnnx.logbook.run_directory import (
    ANALYSIS,
    CONFIG,
    DONE,
    EXAMPLE,
    FAILED,
    FORECASTS,
    GRAPH,
    INITIAL,
    METRICS,
    PERFORMANCE,
    SAMPLES,
    status,
)
from rnnx.pytrees import flatten_dict
from rnnx.report import parts
from rnnx.types import Example, Forecast, Written

CORE = ("task.name", "task.length", "cell.name", "seed")
"""The settings that every trial has."""

CLEARLY = 0.9
"""A held-out loss below this share of the no-memory loss counts as memory; a batch has some noise."""

MEMORY = "a tenth or more below that of a predictor without memory"
"""What such a loss is called."""

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
    """All lines of `metrics.jsonl`; in the last one also what the test split told (`test/last/loss`, `test/best/…`)."""
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
    samples: dict[int, str] = dataclasses.field(default_factory=dict)
    """What a model of language wrote, by the training step; rising."""
    written: dict[int, tuple[Written, ...]] = dataclasses.field(default_factory=dict)
    """What another model that writes wrote to some held-out examples, likewise."""
    forecasts: dict[int, tuple[Forecast, ...]] = dataclasses.field(default_factory=dict)
    """What it forecast over a stretch of time held out, likewise."""
    baselines: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    """What the test split tells of simple predictors, by their name; of a trial that is done."""
    example: Example | None = None
    """The first held-out example, that of the tag `state_gradient/on_data`; `None` of trials before there were any."""
    graph: Graph | None = None
    """The computational graph of its model over that example; `None` where there is none."""

    @property
    def config(self) -> dict[str, Any]:
        """The settings of the whole trial, also where this is one part of its model."""
        return {field: value for field, value in self.settings.items() if field != "part"}

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
    def diverged(self) -> bool:
        """The last held-out loss is not a number, so that this trial is missing from medians."""
        return bool(np.isnan(self.after.get("heldout/loss", 0.0)))

    @property
    def reached(self) -> bool:
        """Whether it has memory: it is done, with a held-out loss clearly below that of a predictor without."""
        return self.status == "done" and number(self.after, "heldout/loss") < CLEARLY * self.floor

    @property
    def against_time(self) -> bool:
        """It runs backward in time and the loss does not read its last step, so that lag tells no distance from it."""
        return number(self.after or self.before, "state_gradient/against_time") == 1

    @property
    def last_step(self) -> int:
        """The training step up to which there is a record."""
        return int(self.records[-1]["step"]) if self.records else 0


def number(record: Record, tag: str) -> float:
    """A number of a record, NaN if the record lacks it."""
    return float(record.get(tag, np.nan))


def curve(record: Record, tag: str, length: int) -> np.ndarray:
    """A curve over lag of a record, `[length]`, NaN where the record lacks it.

    >>> curve({"a": [1.0, 2.0]}, "a", 3).tolist(), curve({"a": [1.0, 2.0]}, "a", 1).tolist()
    ([1.0, 2.0, nan], [1.0])
    """
    values = np.asarray(record.get(tag, []), float)[:length]
    return np.concatenate([values, np.full(length - len(values), np.nan)])


def read_trial(directory: Path, workdir: Path) -> Trial:
    """A trial, finished or not.

    Raises:
      DamagedError: a file is; the message names it.
    """
    origin = read_json(directory / CONFIG)
    settings = flatten_dict(origin.pop("config")) if isinstance(origin.get("config"), dict) else {}
    missing = [field for field in CORE if field not in settings]
    if missing:
        raise DamagedError(f"{directory / CONFIG} is not the record of a run: it lacks {', '.join(missing)}.")
    failed, done = directory / FAILED, directory / DONE
    records = [_with_reach(record) for record in read_metrics(directory / METRICS)]
    ended = read_json(done) if done.exists() else {}
    if records:
        test = ended.get("test", {})
        records[-1] |= {f"test/{which}/{name}": v for which, means in test.items() for name, v in means.items()}
    folder = directory.relative_to(workdir).as_posix()
    analysis, steps = _read_analysis(directory / ANALYSIS)
    return Trial(
        name=folder if directory != workdir else workdir.resolve().name,
        status=status(directory),
        error=str(read_json(failed).get("error", "")) if failed.exists() else "",
        settings=settings,
        origin=origin,
        records=tuple(records),
        analysis=analysis,
        analysed=steps,
        initial=_read_analysis(directory / INITIAL)[0],
        folder=folder,
        performance=tuple(read_metrics(directory / PERFORMANCE)),
        samples=_read_samples(directory / SAMPLES),
        written=_read_written(directory / SAMPLES),
        forecasts=_read_forecasts(directory / FORECASTS),
        baselines=ended.get("baselines", {}),
        example=_read_example(directory / EXAMPLE),
        graph=_read_graph(directory / GRAPH),
    )


def by_part(trial: Trial) -> list[Trial]:
    """One for each recurrent part of a trial's model, as if it were the only one; the trial itself where it is.

    Its tags are those without the name of the part, which is the setting `part`; what is of the model as a whole is in
    each of them.
    """
    names = parts.names(trial.latest | trial.first, "state_gradient")
    if names in ([], [""]):
        return [trial]

    def of_part(values: dict[str, Any], part: str) -> dict[str, Any]:
        return parts.of_part(values, part, names)

    return [
        dataclasses.replace(
            trial,
            settings=trial.settings | {"part": part},
            records=tuple(of_part(record, part) for record in trial.records),
            analysis=of_part(trial.analysis, part),
            analysed=of_part(trial.analysed, part),
            initial=of_part(trial.initial, part),
        )
        for part in names
    ]


def _with_reach(record: Record) -> Record:
    """With the reach of the state, which earlier versions have not recorded."""
    curves = {tag: np.asarray(values, float) for tag, values in record.items() if tag.endswith(_CURVE)}
    reached = {tag.replace("log10_norm", "reach"): _reach(values) for tag, values in curves.items()}
    return reached | record


_CURVE = "state_gradient/state/log10_norm"


def _reach(log10_curve: np.ndarray) -> float:
    """As `rnnx.diagnostics` has it: the largest lag with at least 1 % of the first gradient."""
    lags = np.flatnonzero(np.isfinite(log10_curve))
    return float(lags[log10_curve[lags] >= log10_curve[lags[0]] - 2].max()) if len(lags) else np.nan


def _read_samples(directory: Path) -> dict[int, str]:
    files = {int(path.stem): path for path in directory.glob("*.txt") if path.stem.isdigit()}
    return {step: files[step].read_text(encoding="utf-8", errors="replace") for step in sorted(files)}


def _read_written(directory: Path) -> dict[int, tuple[Written, ...]]:
    files = {int(path.stem): path for path in directory.glob("*.json") if path.stem.isdigit()}
    return {step: tuple(_written(files[step])) for step in sorted(files)}


def _written(path: Path) -> Iterator[Written]:
    for record in read_json(path).get("written", [None]):
        if not isinstance(record, dict) or record.keys() != set(Written._fields):
            raise DamagedError(f"{path} is not what was written: it has not {', '.join(Written._fields)}.")
        yield Written(**record | {"example": _example(record["example"], path)})


def _read_forecasts(directory: Path) -> dict[int, tuple[Forecast, ...]]:
    files = {int(path.stem): path for path in directory.glob("*.json") if path.stem.isdigit()}
    return {step: tuple(_forecasts(files[step])) for step in sorted(files)}


def _forecasts(path: Path) -> Iterator[Forecast]:
    for record in read_json(path).get("series", [None]):
        if not isinstance(record, dict) or record.keys() != set(Forecast._fields):
            raise DamagedError(f"{path} is not what was forecast: it has not {', '.join(Forecast._fields)}.")
        yield Forecast(**record)


def _read_example(path: Path) -> Example | None:
    return _example(read_json(path), path) if path.exists() else None


def _example(content: dict[str, Any], path: Path) -> Example:
    if content.keys() != set(Example._fields):
        raise DamagedError(f"{path} is not an example: it has not {', '.join(Example._fields)}.")
    return Example(**content)


def _read_graph(path: Path) -> Graph | None:
    if not path.exists():
        return None
    try:
        return Graph.from_dict(read_json(path))
    except (KeyError, TypeError) as error:
        raise DamagedError(f"{path} is not the graph of a model: {error}.") from None


def _read_analysis(directory: Path) -> tuple[Record, dict[str, int]]:
    analysis: Record = {}
    steps: dict[str, int] = {}
    for path in sorted(directory.glob("*.json")):
        content = read_json(path)
        values, step = content.get("values"), content.get("step")
        if not isinstance(values, dict) or not isinstance(step, int):
            raise DamagedError(f"{path} is not the record of an analysis: it lacks values or step.")
        analysis |= values
        steps |= dict.fromkeys(values, step)
    return analysis, steps
