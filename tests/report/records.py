"""Trials as they lie on disk, with curves of known slope, written without running anything."""

import json
import math
from pathlib import Path
from typing import Any

from rnnx.types import Forecast, Written


def write_trial(
    directory: Path,
    *,
    cell: str = "rnn",
    task: str = "adding",
    length: int = 8,
    seed: int = 0,
    slopes: tuple[float, float] = (-0.5, -0.25),
    loss: float = 0.1,
    floor: float = 0.2,
    parts: tuple[str, ...] = ("h",),
    settings: dict[str, Any] | None = None,
    extra: dict[str, Any] | None = None,
    analysis: dict[str, dict[str, Any]] | None = None,
    initial: dict[str, dict[str, Any]] | None = None,
    status: str = "done",
    measured: int = 3,
    error: str = "",
    usual_model: str | None = None,
    graph: dict[str, Any] | None = None,
) -> None:
    """A trial whose state gradient has a slope, in nats per step, before training and (at steps 10 and 20) after.

    `usual_model` is the task's own, `graph` the computational graph of the trial's, as `Graph.to_dict` has it.

    `settings` are more fields of the config, such as `{"cell.forget_bias": 1.0}`, `extra` more tags of every
    measurement, `measured` is how many of the measurements at steps 0, 10 and 20 there are. `analysis` and
    `initial` are what was analysed at step 20 and before training, `{measure: {tag: value}}`.
    """
    directory.mkdir(parents=True)
    config: dict[str, Any] = {
        "cell": {"name": cell, "hidden_size": 4, "recurrent_initializer": "orthogonal"},
        "task": {"name": task, "length": length},
        "steps": 20,
        "learning_rate": 0.001,
        "seed": seed,
    }
    for field, value in (settings or {}).items():
        section, _, leaf = field.rpartition(".")
        (config.setdefault(section, {}) if section else config)[leaf] = value
    origin = {
        "config": config,
        "task_facts": {"loss_unit": "mean squared error", "floor": floor}
        | ({"model": usual_model} if usual_model else {}),
        "data": {},
        "versions": {"rnnx": "0.1.0"},
        "platform": {"device": "cpu", "XLA_FLAGS": ""},
        "argv": ["run.py", "--config=configs/adding.py"],
        "git": None,
        "started": f"2025-01-01T00:00:0{seed}+00:00",
    }
    (directory / "config.json").write_text(json.dumps(origin))
    records = [
        {"step": 0, "heldout/loss": 1.0, **measurement(slopes[0], length, parts), **(extra or {})},
        {"step": 10, "train/loss": 0.5, "train/clipped": 0.2, "heldout/loss": 0.5}
        | measurement(slopes[1], length, parts)
        | (extra or {}),
        {"step": 20, "train/loss": 0.3, "train/clipped": 0.4, "heldout/loss": loss}
        | measurement(slopes[1], length, parts)
        | (extra or {}),
    ]
    if measured:
        lines = [json.dumps(record) + "\n" for record in records[:measured]]
        (directory / "metrics.jsonl").write_text("".join(lines))
    for folder, step, of in (("analysis", 20, analysis), ("analysis/initial", 0, initial)):
        for name, values in (of or {}).items():
            path = directory / folder / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"step": step, "precision": "float64", "values": values}))
    if graph:
        (directory / "graph.json").write_text(json.dumps(graph))
    if status == "done":
        (directory / "DONE.json").write_text("{}")
    if status == "failed":
        (directory / "FAILED.json").write_text(json.dumps({"error": error}))


def measurement(slope: float, length: int, parts: tuple[str, ...]) -> dict[str, Any]:
    """What `rnnx.diagnostics` says of gradients that shrink by a factor e^slope per step, from 0.01 at lag 0."""
    curve = [-2 + slope * k / math.log(10) for k in range(length)]
    # The first k with slope * k < -1 is just beyond the horizon, that with slope * k < ln 0.01 beyond the reach.
    horizon, reach = (
        length - 1 if slope * (length - 1) >= least else math.floor(least / slope) for least in (-1, math.log(0.01))
    )
    measured: dict[str, Any] = {"weight_gradient/recurrent_kernel/log10_norm": slope}
    for part in ("state", *parts):
        measured[f"state_gradient/{part}/log10_norm"] = curve
        measured[f"state_gradient/{part}/log10_norm_q25"] = [value - 0.1 for value in curve]
        measured[f"state_gradient/{part}/log10_norm_q75"] = [value + 0.1 for value in curve]
        measured[f"state_gradient/{part}/decay_rate"] = slope if length > 1 else math.nan
        measured[f"state_gradient/{part}/horizon"] = float(horizon)
        measured[f"state_gradient/{part}/reach"] = float(reach)
    return measured


def write_samples(directory: Path, step: int, *outputs: Written) -> None:
    """What a trial has written to some held-out examples at a step."""
    records = [one._asdict() | {"example": one.example._asdict()} for one in outputs]
    (directory / "samples").mkdir(exist_ok=True)
    (directory / "samples" / f"{step}.json").write_text(json.dumps({"written": records}))


def write_forecasts(directory: Path, step: int, *forecasts: Forecast) -> None:
    """What a trial has forecast of some series at a step."""
    (directory / "forecasts").mkdir(exist_ok=True)
    content = json.dumps({"series": [one._asdict() for one in forecasts]})
    (directory / "forecasts" / f"{step}.json").write_text(content)
