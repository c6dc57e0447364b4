"""The parent's end of a worker process: it runs while it is asked something, and is stopped in between.

A stopped process (SIGSTOP) has no spinning thread that could disturb the one at work.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.benchmark.interpreters import ROOT, TORCH_PYTHON, WorkerError


class NotInstalledError(Exception):
    """The library is not installed; the message is one line."""


class Worker:
    """A library, or one of rnnx's engines, in a process of its own."""

    def __init__(
        self,
        name: str,
        library: str,
        settings: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        """Start `library` with `settings` for its `build`, as `name`. Raises `NotInstalledError`."""
        self.name = name
        self.library = library
        self.settings = settings or {}
        self._environment = environment or {}
        self._process: subprocess.Popen[str] | None = None
        self.about: dict[str, Any] = {}
        """Versions, layout and conventions, from the worker."""
        self.start()

    def start(self) -> None:
        """Start the process, or another one where it has ended. Raises `NotInstalledError`."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        python = TORCH_PYTHON if self.library == "torch" else Path(sys.executable)
        if not python.exists():
            raise NotInstalledError(f"there is no {python}")
        fixed = {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "0", "KERAS_BACKEND": "jax"}
        environment = {**os.environ, **fixed, **self._environment}
        # First calls are to be compilations, not look-ups.
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        self._process = subprocess.Popen(
            [str(python), "-m", "scripts.benchmark.layers.worker", self.library],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is the parent's business
        )
        self.about = self._read()
        if "missing" in self.about:
            self.close()
            raise NotInstalledError(self.about["missing"])
        self._stop()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Wake the worker, let it answer, and stop it. Raises `WorkerError`."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._continue()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it has ended; reading says how
        answer = self._read()
        self._stop()
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _read(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"its process ended with status {self._process.wait()}")
        return json.loads(line)

    def _continue(self) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGCONT)

    def _stop(self) -> None:
        """Stop the process, and wait until it is."""
        assert self._process is not None
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                with contextlib.suppress(BrokenPipeError):  # what it was not sent any more
                    pipe.close()
