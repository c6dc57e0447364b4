"""One writer at a time: a lock that the kernel takes back from a process that dies, however it dies."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from experiments.config import ConfigError


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made if it is not there and stays.

    Raises:
      ConfigError: another process holds it; the message names it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise ConfigError(
                f"{path.parent} is being written by process {owner}: wait for it, or choose another --workdir."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def check(path: Path) -> None:
    """Raise at once what `held` would: another process holds the lock, or there can be no such file."""
    with held(path):
        pass
