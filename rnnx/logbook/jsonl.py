"""`metrics.jsonl`: the record of a run, one JSON object a line, steps strictly increasing.

    {"step": 200, "train/loss": 0.16, "state_gradient/h/log10_norm": [-1.2, …], "gates/forget/histogram": {"edges": …}}

A curve is a list, a histogram an object of `edges` and `counts`. Numbers that are not finite stand as Python's `json`
writes and reads them: NaN, Infinity, -Infinity.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from rnnx.logbook import files
from rnnx.types import Array, Histogram


class MetricsFile:
    """Append records to a run's `metrics.jsonl`; `records` holds all that are in it.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "metrics.jsonl"
    >>> with MetricsFile(path, resume_step=None) as metrics:
    ...     metrics.write(100, {"train/loss": np.float32(0.5), "curve": np.array([1.0, 2.0])})
    >>> read_metrics(path)
    [{'step': 100, 'train/loss': 0.5, 'curve': [1.0, 2.0]}]
    """

    def __init__(self, path: Path, resume_step: int | None):
        """Open the file; records after `resume_step` (all if `None`) belong to work that will be done again.

        Raises:
          DamagedError: the file is, or the record of `resume_step` itself is missing, and maybe earlier ones.
        """
        self.records = [] if resume_step is None else [r for r in read_metrics(path) if r["step"] <= resume_step]
        if resume_step is not None and (not self.records or self.records[-1]["step"] != resume_step):
            raise files.DamagedError(
                f"{path} lacks step {resume_step}, of which there is a checkpoint; the file is damaged."
            )
        _write(path, self.records)
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 (closed by `close`)

    def write(self, step: int, values: dict[str, Array | Histogram | float]) -> None:
        """Append one record."""
        record = {"step": step} | {tag: plain(value) for tag, value in values.items()}
        self._file.write(json.dumps(record) + "\n")
        self.records.append(record)

    def flush(self) -> None:
        """Put on disk all that was written, so that a checkpoint never knows of a step that the record lacks."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._file.close()

    def __enter__(self) -> "MetricsFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The records of a run; a last line cut off by a kill is left out, a missing file is empty.

    Raises:
      DamagedError: another line is; the message names file and line.
    """
    if not path.exists():
        return []
    records = []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            break
        records.append(_record(line, path, number))
    return records


def last_record(path: Path) -> dict[str, Any] | None:
    """The last whole line of a file of JSON lines, read from its end; `None` if there is none."""
    if not path.exists():
        return None
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        length = min(size, 1 << 14)
        while True:
            file.seek(size - length)
            lines = file.read(length).split(b"\n")  # the first may be cut; the last is not whole yet, or empty
            if len(lines) > 2 or length == size:
                break
            length = min(size, 4 * length)
    try:
        return json.loads(lines[-2]) if len(lines) > 1 else None
    except ValueError:  # cut by a crash of the machine: whoever resumes the trial repairs it
        return None


def first_record(path: Path) -> dict[str, Any]:
    """The first record of a run, empty if there is none yet; the rest is not read.

    Raises:
      DamagedError: it is damaged.

    >>> first_record(Path("nowhere.jsonl"))
    {}
    """
    if not path.exists():
        return {}
    with open(path, "rb") as file:
        line = file.readline()
    return _record(line, path, 1) if line.endswith(b"\n") else {}


def drop_measurements(path: Path, step: int) -> None:
    """Leave only what training told in the last record, if that is of this step.

    At its end a run measures whether or not it is due; one that goes on from there would not have.
    """
    records = read_metrics(path)
    if records and records[-1]["step"] == step:
        records[-1] = {tag: value for tag, value in records[-1].items() if tag == "step" or tag.startswith("train/")}
        _write(path, records)


def _record(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):  # also where it is not UTF-8
        record = None
    if not (isinstance(record, dict) and isinstance(record.get("step"), int)):
        raise files.DamagedError(f"{path}, line {number}: not a JSON object with a step; the file is damaged.")
    return record


def _write(path: Path, records: list[dict[str, Any]]) -> None:
    files.write(path, "".join(json.dumps(record) + "\n" for record in records).encode())


def plain(value: Any) -> Any:
    """A scalar, curve, histogram, text or list of texts as it stands in JSON."""
    if isinstance(value, Histogram):
        return {"edges": np.asarray(value.edges).tolist(), "counts": np.asarray(value.counts).tolist()}
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        return value  # NumPy drops zero characters at the end of a text
    return np.asarray(value).tolist()
