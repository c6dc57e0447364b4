"""Processes that start in no time: forks of one that has imported what rnnx's commands import, and computes nothing.

To import jax and what stands on it takes seconds, several hundred times in the suite. The local executor's workers are
forks likewise where a command is one, and under `Workers`. What is tested of a process itself, signals and what it
imports, is tested on one that was started anew.
"""

import functools
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from unittest import mock

# Variables of the environment that come too late for what is imported already.
READ_AT_IMPORT = ("JAX_", "PYTHON", "XLA_")
IMPORTED = [
    "experiments.executors.local",
    "experiments.studies.study",
    "experiments.studies.plan",
    "experiments.analysis.diagnose",
    "experiments.trials.rerun",
    "rnnx.report.terminal",
    "rnnx.report.summary",
]


def run(
    kind: str, what: str, *arguments: str, cwd: Path, environment: Mapping[str, str], timeout: float = 300
) -> subprocess.CompletedProcess:
    """As `subprocess.run([sys.executable, "-m", what, *arguments])`, or of a file, if the kind is "path".

    Raises:
      TimeoutExpired: it took too long, and was killed.
    """
    with tempfile.TemporaryDirectory() as directory:
        streams = [str(Path(directory) / name) for name in ("stdout", "stderr")]
        server = _server()
        state = _address(), streams, cwd, dict(environment)
        process = server.Process(target=_become, args=(kind, what, arguments, state))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired([what, *arguments], timeout)
        said = [Path(stream).read_text(encoding="utf-8") for stream in streams]
        return subprocess.CompletedProcess([what, *arguments], process.exitcode, *said)


@functools.cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    if _address()[0]:  # this process is one of its own
        return context
    context.set_forkserver_preload(IMPORTED)
    # JAX warns of forks, since most processes that have loaded it run threads. This one does not.
    settings = {"JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore:os.fork() was called:RuntimeWarning"}
    with mock.patch.dict(os.environ, settings):
        forkserver.ensure_running()
    return context


class Workers:
    """In place of the executor's own way to start processes, `local._CONTEXT`."""

    Pipe = staticmethod(multiprocessing.Pipe)

    def __init__(self, streams: Sequence[str] = ()):
        """The files that take the place of stdout and stderr, if any do."""
        self._streams = streams

    def Process(self, *, target: Callable, args: tuple, daemon: bool) -> ForkServerProcess:  # noqa: N802
        """As of multiprocessing, in the same environment."""
        server = _server()
        state = _address(), self._streams, Path.cwd(), dict(os.environ)
        return server.Process(target=_work, args=(target, args, state), daemon=daemon)


def _address() -> tuple[str, bytes | None]:
    """Where the server listens, and the word that it wants to hear (from Python 3.14)."""
    server = forkserver._forkserver
    return server._forkserver_address, getattr(server, "_forkserver_authkey", None)


def _restore(address: tuple[str, bytes | None], streams: Sequence[str], cwd: Path, environment: dict[str, str]) -> None:
    """What a process that is started anew has by itself; and the server that this one came from, for its own."""
    for number, stream in enumerate(streams, start=1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    forkserver._forkserver._forkserver_address, forkserver._forkserver._forkserver_authkey = address
    forkserver._forkserver.ensure_running = lambda: None


def _work(target: Callable, args: tuple, state: tuple) -> None:
    _restore(*state)
    target(*args)


def _become(kind: str, what: str, arguments: tuple[str, ...], state: tuple) -> None:
    _restore(*state)
    sys.argv = [what, *arguments]
    _, streams, _, _ = state
    with mock.patch("experiments.executors.local._CONTEXT", Workers(streams)):
        if kind == "module":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(what, run_name="__main__")
