"""What the figures were measured on."""

import os
import platform
import time
from pathlib import Path

_STAT = Path("/proc/stat")


def describe() -> dict[str, str | int]:
    """CPU, cores that may be used, vector instructions, system, and the flags that XLA and the threads obey."""
    flags = [name for name in sorted(os.environ) if name in ("XLA_FLAGS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")]
    return {
        "cpu": _cpu_info("model name") or platform.processor() or platform.machine(),
        "vectors": ", ".join(name for name in ("avx2", "avx512f", "amx_tile") if name in _cpu_info("flags").split()),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "flags": " ".join(f"{name}={os.environ[name]}" for name in flags) or "none",
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy() -> bool:
    """Whether something else is running: takes more than a tenth of a core while this process waits for a second.

    Not by the load average, which for minutes remembers what was there before. False where Linux's count is missing.
    """
    if not _STAT.exists():
        return False
    before = _worked()
    time.sleep(1.0)
    return _worked() - before > 0.1 * os.sysconf("SC_CLK_TCK")


def _worked() -> int:
    """What all cores have done since the machine's start, in ticks of the clock."""
    _, user, nice, system, _idle, _waiting, *interrupts = _STAT.read_text(encoding="utf-8").splitlines()[0].split()
    return sum(map(int, (user, nice, system, *interrupts[:2])))


def _cpu_info(field: str) -> str:
    """A field of the first CPU; empty where Linux's list does not exist."""
    path = Path("/proc/cpuinfo")
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""
