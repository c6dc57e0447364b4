"""Compiled programs, kept from one process to the next, and what compiling costs."""

import contextlib
import os
import time
import warnings
import zlib
from pathlib import Path
from typing import NamedTuple

import filelock
import jax
from jax import monitoring

from rnnx.data import cache_directory

LIMIT = 256 * 2**20
"""Bytes that programs may take when a process starts; a large one takes a tenth of a MiB. Beyond that go those that
were not used for longest."""

_ZSTD = b"\x28\xb5\x2f\xfd"
"""What zstandard's format begins with."""

_THRESHOLDS = {"jax_persistent_cache_min_compile_time_secs": 0.0, "jax_persistent_cache_min_entry_size_bytes": -1}
"""Below which jax keeps no program."""


class CompileStats(NamedTuple):
    """What this process has done to have programs to run."""

    seconds: float
    """Tracing, lowering, and compiling or loading from the cache."""
    compiled: int
    """Programs that were compiled."""
    loaded: int
    """Programs that were found in the cache."""


def enable_cache() -> None:
    """Look for compiled programs in rnnx's cache, and leave new ones there; of this process, from now on.

    A cache that the user has chosen for jax, by `JAX_COMPILATION_CACHE_DIR`, is used instead, with its own limit.
    """
    if jax.config.jax_compilation_cache_dir or _use_our_own():
        # All of them, however small and quick: a hundred of those are seconds too.
        for option, value in _THRESHOLDS.items():
            if option.upper() not in os.environ:
                jax.config.update(option, value)


def _use_our_own() -> bool:
    """Have jax use rnnx's cache; whether that can be done."""
    try:
        directory = cache_directory() / "jax"
        directory.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(filelock.Timeout), filelock.FileLock(directory / ".lockfile", timeout=10):
            _tidy(directory)
    except (OSError, RuntimeError) as error:  # no permission, no room, no such home
        warnings.warn(f"compiled programs are not kept, so that every process compiles: {error}", stacklevel=3)
        return False
    # Without `jax_compilation_cache_max_size`: with it jax looks at every program whenever it adds one, and with some
    # thousands of them that takes longer than most take to compile.
    jax.config.update("jax_compilation_cache_dir", str(directory))
    # A program that another process is just writing is compiled here too. That is no news.
    warnings.filterwarnings("ignore", "Error reading persistent compilation cache entry")
    return True


def _tidy(directory: Path) -> None:
    """Remove programs beyond the limit, and those that were cut off on their way to the disk: jax would not replace
    them."""
    checked, now = directory / ".checked", time.time()
    last = checked.stat().st_mtime if checked.exists() else 0.0
    programs = {path: path.stat() for path in directory.glob("*-cache") if path.is_file()}
    total = sum(stat.st_size for stat in programs.values())
    for path, stat in sorted(programs.items(), key=lambda program: program[1].st_atime):
        if total > LIMIT or (stat.st_mtime >= last - 1 and not _is_whole(path)):  # clocks of disks are coarse
            path.unlink()
            total -= stat.st_size
    checked.touch()
    os.utime(checked, (now, now))  # what is written meanwhile is looked at next time


def _is_whole(path: Path) -> bool:
    """Whether a program can be decompressed; of a format that is not read here jax asks for none."""
    try:
        return bool(_decompress(path.read_bytes()))
    except Exception:  # whatever each library raises of bytes that it can't read
        return False


def _decompress(program: bytes) -> bytes:
    """As jax does: by zstandard, where there is one."""
    if program.startswith(_ZSTD):
        try:
            from compression import zstd  # Python 3.14
        except ImportError:
            import zstandard

            return zstandard.ZstdDecompressor().decompress(program)
        return zstd.decompress(program)
    return zlib.decompress(program)


def stats(since: float = 0.0) -> CompileStats:
    """What this process has spent on compiling; the seconds only from a time on, as `time.time` tells it."""
    seconds = sum(end - max(start, since) for start, end in _spans if end > since)
    return CompileStats(seconds, _counts["requested"] - _counts["loaded"], _counts["loaded"])


_spans: list[tuple[float, float]] = []
"""When something was traced, lowered, compiled or loaded: apart from each other, in order."""
_counts = {"requested": 0, "loaded": 0}


def _took(event: str, start_time: float, end_time: float, **_: object) -> None:
    if event.startswith("/jax/core/compile/"):
        while _spans and _spans[-1][0] >= start_time:
            _spans.pop()  # it lies within this one: what tracing wants the value of is compiled at once
        _spans.append((start_time, end_time))
        _counts["requested"] += event == "/jax/core/compile/backend_compile_duration"


def _happened(event: str, **_: object) -> None:
    _counts["loaded"] += event == "/jax/compilation_cache/cache_hits"


monitoring.register_event_time_span_listener(_took)
monitoring.register_event_listener(_happened)
