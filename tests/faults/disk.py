"""Disks that are really full."""

import contextlib
import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small(directory: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own in memory; skips the test where it may not be mounted, which takes root."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "rnnx-test", str(directory)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(directory: Path) -> Path:
    """Write a file until there is no room left."""
    ballast = directory / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        while _room(directory):  # whoever writes there may delete something meanwhile
            for size in (2**16, 2**12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
    return ballast


def _room(directory: Path) -> bool:
    probe = directory / "probe"
    try:
        probe.write_bytes(bytes(1))
        return True
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    finally:
        probe.unlink(missing_ok=True)
