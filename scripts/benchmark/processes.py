"""Contestants' commands as processes."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scripts.benchmark.interpreters import ROOT, WorkerError


@contextlib.contextmanager
def running(command: Sequence[str], cache: Path, **streams: Any) -> Iterator[subprocess.Popen]:
    """A command at the root of the repository, JAX on the CPU, whose compiled programs go to that cache and no other.

    Its processes are a group of their own, which is killed where the body fails or is interrupted.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    environment |= {
        "JAX_PLATFORMS": "cpu",
        "RNNX_CACHE_DIR": str(cache),
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **streams)
    try:
        yield process
    except BaseException:  # Ctrl-C: it would go on
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def check(name: str, status: int, said: str) -> None:
    """That a process ended well; `WorkerError` with the last line that it said if it did not."""
    if status:
        raise WorkerError(f"{name} ended with status {status}: {(said.strip() or 'it said nothing').splitlines()[-1]}")
