"""The record of a run: one JSON file."""

import datetime
import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

from rnnx.logbook import files
from scripts.benchmark import machine
from scripts.benchmark.study import results, timing
from scripts.benchmark.study.candidates import Candidate
from scripts.benchmark.study.results import Findings
from scripts.benchmark.study.spec import Study

FORM = 1
Record = dict[str, Any]


def new(study: Study, busy: bool, differences: dict[str, Any], versions: dict[str, dict[str, str]]) -> Record:
    """A record without times.

    Args:
      study: what is run.
      busy: whether something else was running on the machine.
      differences, versions: what `equality.check` gave.
    """
    ours = {name: importlib.metadata.version(name) for name in ("rnnx", "jax", "jaxlib", "flax", "optax", "numpy")}
    return {
        "form": FORM,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine.describe(),
        "busy": busy,
        "study": study._asdict(),
        "versions": {"rnnx": ours | {"python": platform.python_version()}} | versions,
        "agreement": differences,
        "contestants": {},
    }


def add(record: Record, contestant: Candidate, study: Study, seconds: dict[str, float], found: Findings) -> None:
    """Add what a contestant took, and found."""
    alone = timing.training(study, seconds)
    record["contestants"][contestant.name] = {
        "library": contestant.library,
        "about": contestant.about,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "training_seconds": None if alone is None else round(alone, 2),
        "found": {point: values._asdict() for point, values in found.items()},
    }


def findings(record: Record) -> dict[str, Findings]:
    """What each library found, by its first contestant."""
    found: dict[str, Findings] = {}
    for entry in record["contestants"].values():
        read = {point: results.Found(**values) for point, values in entry["found"].items()}
        found.setdefault(entry["library"], read)
    return found


def write(path: Path, record: Record) -> None:
    """Write a record, whole or not at all; one line for each contestant, so that a difference can be read."""
    head = json.dumps({key: value for key, value in record.items() if key != "contestants"}, indent=1)
    lines = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in record["contestants"].items())
    body = head.removesuffix("\n}")
    files.write(path, f'{body},\n "contestants": {{\n  {lines}\n }}\n}}\n'.encode())
