"""The interpreters that libraries live under, and how a process of one of them fails."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
TORCH_PYTHON = Path(os.environ.get("RNNX_TORCH_PYTHON", ROOT / ".venv-torch" / "bin" / "python"))


class WorkerError(Exception):
    """The process could not do what it was asked; the message is one line."""
