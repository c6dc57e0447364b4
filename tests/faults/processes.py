"""Real processes: started, watched, and killed at a moment of the test's choice. Linux only: it reads /proc."""

import contextlib
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.experiments.commands import ROOT, command


def started(module: str, *arguments: str, **environment: str) -> contextlib.AbstractContextManager[subprocess.Popen]:
    """`python -m experiments.<module> …` in a session of its own; whatever of it still runs in the end is killed."""
    how = command(module, *arguments, **environment)
    return _session(**how, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def started_module(name: str, *arguments: str) -> contextlib.AbstractContextManager[subprocess.Popen]:
    """`python -m <name> …` likewise."""
    return _session(args=[sys.executable, "-m", name, *arguments], cwd=ROOT)


@contextlib.contextmanager
def _session(**how: Any) -> Iterator[subprocess.Popen]:
    with subprocess.Popen(**how, start_new_session=True) as process:
        try:
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen) -> None:
    """SIGKILL to a command and its workers, as when the machine goes down."""
    while left := family(process):
        send(signal.SIGKILL, left)
        time.sleep(0.001)
    process.wait()


def send(signum: int, pids: list[int]) -> None:
    """A signal to some processes, those that are gone left out."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)


def family(process: subprocess.Popen) -> list[int]:
    """A command and its workers that still run, also where it has ended before them."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if _session_of(pid) == process.pid]


def alive(pid: int) -> bool:
    """Whether a process runs still; one that has ended does not, though nobody has asked how."""
    return _session_of(pid) is not None


def gone(pids: list[int], seconds: float = 10) -> None:
    """Wait for the end of processes that nothing was sent to; `AssertionError` if they stay."""
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, f"of {pids} some still run"
        time.sleep(0.01)


def wait(process: subprocess.Popen, condition: Callable[[], bool], seconds: float = 120) -> None:
    """Until something is true of a command that runs.

    Raises:
      AssertionError: it ended before, or that took too long.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"it ended with {process.returncode} before: {process.communicate()}")
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not happen within {seconds} s")
        time.sleep(0.002)


def listening(pids: list[int]) -> list[str]:
    """TCP addresses at which any of some processes waits for connections."""
    sockets = set()
    for pid in pids:
        for path in Path(f"/proc/{pid}/fd").glob("*"):
            with contextlib.suppress(FileNotFoundError):
                sockets.add(os.readlink(path))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.append(_address(*fields[1].split(":")))
    return found


def beyond_loopback(addresses: list[str]) -> list[str]:
    """Those that other machines can reach."""
    return [a for a in addresses if not ipaddress.ip_address(a.rpartition(":")[0]).is_loopback]


def _session_of(pid: int) -> int | None:
    """The session of a process; `None` if it has ended."""
    try:
        state, _, _, session, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else int(session)


def _address(host: str, port: str) -> str:
    """As /proc writes it: words of four bytes, each in the machine's order."""
    packed = b"".join(bytes.fromhex(host[i : i + 8])[::-1] for i in range(0, len(host), 8))
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return f"{socket.inet_ntop(family, packed)}:{int(port, 16)}"
