"""Files that are either whole or not there, and said to be damaged where they are not."""

import json
import os
from pathlib import Path
from typing import Any

from experiments.config import ConfigError


def write(path: Path, content: bytes) -> None:
    """Write a file by atomic rename; what was there stays readable until then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
      ConfigError: it is damaged; the message names it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ConfigError(f"{path} is damaged: it is not a JSON file.") from None


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file by atomic rename."""
    write(path, json.dumps(content, indent=2).encode() + b"\n")
