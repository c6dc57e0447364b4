"""Running rnnx's commands as a user does: as processes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.helpers import forked

ROOT = Path(__file__).parents[2]
CACHE = os.environ["RNNX_TESTS_CACHE"]  # see conftest.py


def command(module: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """Arguments for `subprocess`: `python -m experiments.<module> …` at the root of the repository.

    To make a report takes seconds: where it is not asked for by `--report`, none is made.
    """
    if module in ("run", "sweep") and "--report" not in arguments:
        arguments = ("--noreport", *arguments)
    return {
        "args": [sys.executable, "-m", f"experiments.{module}", *arguments],
        "cwd": ROOT,
        "env": os.environ | {"JAX_PLATFORMS": "cpu", "RNNX_CACHE_DIR": CACHE} | environment,
    }


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a command to its end."""
    given = command(module, *arguments, **environment)
    if any(name.startswith(forked.READ_AT_IMPORT) for name in environment):
        return subprocess.run(**given, capture_output=True, text=True, timeout=300, check=False)
    return forked.run("module", *given["args"][2:], cwd=ROOT, environment=given["env"])
