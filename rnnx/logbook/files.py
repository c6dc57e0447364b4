"""Files that are either whole or not there, and said to be damaged where they are not."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class DamagedError(ValueError):
    """A file does not hold what it should; the message names it."""


def write(path: Path, content: bytes) -> None:
    """Write a file by atomic rename; what was there stays readable until then, whenever a kill comes.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "folder" / "file"
    >>> write(path, b"whole")
    >>> path.read_bytes()
    b'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file by atomic rename."""
    write(path, json.dumps(content, indent=2).encode() + b"\n")


def write_jsonl(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write a file of one JSON object a line by atomic rename.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "file.jsonl"
    >>> write_jsonl(path, [{"output": "ɛ"}, {"output": ""}])
    >>> path.read_text(encoding="utf-8").splitlines()
    ['{"output": "ɛ"}', '{"output": ""}']
    """
    write(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode())


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
      DamagedError: it holds none.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "file.json"
    >>> write_json(path, {"step": 3})
    >>> read_json(path)
    {'step': 3}
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):  # also where it is not UTF-8
        raise DamagedError(f"{path} is damaged: it is not a JSON file.") from None
    if not isinstance(content, dict):
        raise DamagedError(f"{path} is damaged: it is not a JSON object.")
    return content
