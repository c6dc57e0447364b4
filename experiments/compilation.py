"""Compiled programs, kept from one process to the next, and what compiling costs."""

import warnings
from typing import NamedTuple

import filelock
import jax
from jax import monitoring

from rnnx.data import cache_directory

LIMIT = 256 * 2**20
"""Bytes; a program takes about a tenth of a MiB. Beyond that the ones that were not used for longest go."""


class Spent(NamedTuple):
    """What this process has done to have programs to run."""

    seconds: float
    """Tracing, lowering, and compiling or loading from the cache."""
    compiled: int
    """Programs that were compiled."""
    loaded: int
    """Programs that were found in the cache."""


def keep() -> None:
    """Look for compiled programs in rnnx's cache, and leave new ones there; of this process, from now on."""
    directory = cache_directory() / "jax"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # Under jax's own lock, so that nobody is writing: a program without the time of its use is one whose writer was
        # killed, or ran out of room. It may be cut off, and jax would neither use nor replace it.
        with filelock.FileLock(directory / ".lockfile", timeout=10):
            for program in directory.glob("*-cache"):
                if not program.with_name(program.name.removesuffix("-cache") + "-atime").exists():
                    program.unlink()
    except OSError as error:  # no permission, no room, or whoever holds the lock does not come back
        warnings.warn(f"compiled programs are not kept, so that every process compiles: {error}", stacklevel=2)
        return
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_compilation_cache_max_size", LIMIT)
    # All of them, however small and quick: a hundred of those are seconds too.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def spent(since: float = 0.0) -> Spent:
    """What this process has spent on compiling; the seconds only from a time on, as `time.time` tells it."""
    seconds = sum(end - max(start, since) for start, end in _spans if end > since)
    return Spent(seconds, _counts["requested"] - _counts["loaded"], _counts["loaded"])


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
