"""The record of a run: one JSON file, written after each point, to which runs of the same code and machine add."""

import ast
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnx.logbook import files
from scripts.benchmark.layers.point import Point

FORM = 1
_ROOT = Path(__file__).parents[3]
_TIMED = (
    "rnnx/cells/rnn.py",
    "rnnx/cells/lstm.py",
    "rnnx/cells/gru.py",
    "rnnx/engines",
    "rnnx/numerics.py",
    "rnnx/unroll.py",
)

Record = dict[str, Any]


def new(machine: Mapping[str, Any], contestants: Mapping[str, Mapping[str, Any]]) -> Record:
    """A record without points.

    Args:
      machine: what `machine.describe` says.
      contestants: name -> what its worker says about itself, rnnx first.
    """
    return {
        "form": FORM,
        "machine": dict(machine),
        "source": source(),
        "contestants": {name: dict(about) for name, about in contestants.items()},
        "points": [],
    }


def source() -> str:
    """A hash of the code of rnnx that is timed: the version's number does not change with each edit.

    Comments, docstrings and layout do not count, as they take no time; another version of Python may lay out otherwise.
    """
    digest = hashlib.sha256()
    for name in _TIMED:
        path = _ROOT / name
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(code(file.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:12]


def code(text: str) -> str:
    """A module's source without its comments and docstrings, laid out anew."""
    tree = ast.parse(text)
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node):
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


def read(path: Path) -> Record:
    """Read a record; `ValueError` with one line if the file holds anything else."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a record of this benchmark: {error}") from None
    if not isinstance(record, dict) or record.get("form") != FORM:
        raise ValueError(f"{path} is not a record of this benchmark in form {FORM}.")
    return record


def write(path: Path, record: Record) -> None:
    """Write a record, whole or not at all; one line for each point, so that a difference can be read."""
    head = {key: value for key, value in record.items() if key != "points"}
    points = ",\n  ".join(json.dumps(point) for point in record["points"])
    body = json.dumps(head, indent=1).removesuffix("\n}")
    files.write(path, f'{body},\n "points": [\n  {points}\n ]\n}}\n'.encode())


def differences(old: Record, new: Record) -> list[str]:
    """What makes the points of two records incomparable: machine, rnnx's source, versions of what both have timed."""

    def pairs(record: Record) -> dict[str, Any]:
        found = {f"machine {key}": value for key, value in record["machine"].items()}
        found["rnnx's source"] = record["source"]
        for name, about in record["contestants"].items():
            found |= {f"{name}'s {package}": version for package, version in about["versions"].items()}
            found[f"{name}'s python"] = about["python"]
        return found

    before, after = pairs(old), pairs(new)
    return [f"{key} {before[key]} → {after[key]}" for key in before if key in after and before[key] != after[key]]


def merge(old: Record, new: Record) -> Record:
    """The new record with the points and the contestants of the old one."""
    return {**new, "contestants": {**old["contestants"], **new["contestants"]}, "points": list(old["points"])}


def add(record: Record, entry: dict[str, Any]) -> None:
    """Add a point's entry, in place of an earlier one."""
    record["points"] = [other for other in record["points"] if point_of(other) != point_of(entry)] + [entry]


def point_of(entry: Mapping[str, Any]) -> Point:
    """The point of an entry."""
    return Point(**{field: entry[field] for field in Point._fields})


def has(record: Record, point: Point, contestants: Sequence[str]) -> bool:
    """Whether the record has that point for all these contestants, without a failure among them."""
    return any(
        point_of(entry) == point
        and all(name in entry["contestants"] and "failed" not in entry["contestants"][name] for name in contestants)
        for entry in record["points"]
    )


def lost(record: Record, point: Point, contestants: Sequence[str]) -> list[str]:
    """The contestants whose times would be lost if that point were measured again with these only."""
    return [
        name
        for entry in record["points"]
        if point_of(entry) == point
        for name, result in entry["contestants"].items()
        if "failed" not in result and name not in contestants
    ]
