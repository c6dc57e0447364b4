"""Running rnnx's commands as a user does: as processes."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def command(module: str, *arguments: str, **environment: str) -> dict:
    """Arguments for `subprocess`: `python -m experiments.<module> …` at the root of the repository."""
    return {
        "args": [sys.executable, "-m", f"experiments.{module}", *arguments],
        "cwd": ROOT,
        "env": os.environ | {"JAX_PLATFORMS": "cpu"} | environment,
    }


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a command to its end."""
    return subprocess.run(
        **command(module, *arguments, **environment), capture_output=True, text=True, timeout=300, check=False
    )
