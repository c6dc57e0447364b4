"""The record of a run over contestants: one JSON file."""

import datetime
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnx.logbook import files
from scripts.benchmark import machine

FORM = 1
Record = dict[str, Any]


def new(busy: bool, versions: Mapping[str, Mapping[str, str]], **about: Any) -> Record:
    """A record without contestants.

    Args:
      busy: whether something else was running on the machine.
      versions: of each other library, its packages.
      about: what else the record is to say.
    """
    ours = {name: importlib.metadata.version(name) for name in ("rnnx", "jax", "jaxlib", "flax", "optax", "numpy")}
    return {
        "form": FORM,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine.describe(),
        "busy": busy,
        **about,
        "versions": {"rnnx": ours | {"python": platform.python_version()}} | dict(versions),
        "contestants": {},
    }


def write(path: Path, record: Record) -> None:
    """Write a record, whole or not at all; one line for each contestant, so that a difference can be read."""
    head = json.dumps({key: value for key, value in record.items() if key != "contestants"}, indent=1)
    lines = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in record["contestants"].items())
    body = head.removesuffix("\n}")
    files.write(path, f'{body},\n "contestants": {{\n  {lines}\n }}\n}}\n'.encode())
