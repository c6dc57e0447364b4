"""JSON files that are either whole or not there, and said to be damaged where they are not."""

import json
from pathlib import Path
from typing import Any

from experiments.config import ConfigError
from rnnx import files


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
    files.write(path, json.dumps(content, indent=2).encode() + b"\n")
