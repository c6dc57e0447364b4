"""Running rnnx's commands as a user does: as processes."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.helpers import forked

ROOT = Path(__file__).parents[2]
# Tests neither use nor fill the user's cache; they share one, so that a program is compiled once.
CACHE = tempfile.TemporaryDirectory(prefix="rnnx-tests-")


def command(module: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """Arguments for `subprocess`: `python -m experiments.<module> …` at the root of the repository.

    To make a report takes seconds: where it is not asked for by `--report`, none is made.
    """
    if module in ("run", "sweep") and "--report" not in arguments:
        arguments = ("--noreport", *arguments)
    return {
        "args": [sys.executable, "-m", f"experiments.{module}", *arguments],
        "cwd": ROOT,
        "env": os.environ | {"JAX_PLATFORMS": "cpu", "RNNX_CACHE_DIR": CACHE.name} | environment,
    }


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a command to its end."""
    given = command(module, *arguments, **environment)
    if any(name.startswith(forked.READ_AT_IMPORT) for name in environment):
        return subprocess.run(**given, capture_output=True, text=True, timeout=300, check=False)
    return forked.run("module", *given["args"][2:], cwd=ROOT, environment=given["env"])
