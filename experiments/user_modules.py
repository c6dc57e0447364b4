"""Modules of the user's own that a trial names, `my_cells:tricky`: which they were, and where they are found again."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from experiments.build import references
from experiments.config import Config, ConfigError
from rnnx.references import source


def record(config: Config) -> dict[str, Any]:
    """The modules that a config names, each with its file and what that held when it was imported."""
    return {name.partition(":")[0]: source(name)._asdict() for name in references(config)}


def contents(recorded: dict[str, Any]) -> dict[str, str]:
    """What decides a result: what the modules of a record held, wherever they lay."""
    return {module: of["sha256"] for module, of in recorded.items()}


def make_importable(directory: Path, recorded: dict[str, Any]) -> None:
    """Let the modules that the trial of a directory names be found where they were when it began.

    Raises:
      ConfigError: one is not there any more, nor anywhere else where Python looks.
    """
    for module, of in recorded.items():
        file = Path(of["file"])
        folder = str(file.parents[module.count(".") + (file.name == "__init__.py")])
        if folder not in sys.path:
            sys.path.append(folder)
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            raise ConfigError(
                f"{directory} was made with {file}, which is not there: put the folder that {module} lies in now "
                "on PYTHONPATH."
            )
