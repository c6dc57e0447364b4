"""The interpreters that libraries live under, and how a process of one of them fails."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]
TORCH_PYTHON = Path(os.environ.get("RNNX_TORCH_PYTHON", ROOT / ".venv-torch" / "bin" / "python"))
OURS, PEERS = "rnnx", ("torch", "flax")
"""Whose scripts do what rnnx's commands do."""
PYTHON = {"torch": str(TORCH_PYTHON), "flax": sys.executable}


class WorkerError(Exception):
    """The process could not do what it was asked; the message is one line."""


def peers(asked: str | None, error: Callable[[str], NoReturn]) -> list[str]:
    """The libraries of `--peers`, or all of `PEERS` that are installed; says which are left out.

    Args:
      asked: names with commas between them.
      error: is told of one that there is not.
    """
    installed = [name for name in PEERS if Path(PYTHON[name]).exists()]
    if asked is None:
        for name in PEERS:
            if name not in installed:
                print(f"{name} is left out: there is no {PYTHON[name]}.")
        return installed
    for name in asked.split(","):
        if name not in PEERS:
            error(f"--peers: {name!r} is none of {', '.join(PEERS)}.")
        if name not in installed:
            error(f"--peers: there is no {PYTHON[name]} for {name}; scripts/bench makes it.")
    return asked.split(",")
