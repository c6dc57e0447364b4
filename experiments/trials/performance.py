"""What a session of a trial did to the machine, and what it got out of it.

`performance.jsonl` gets a line at each checkpoint. It is no part of the record: another run of the same trial has the
same `metrics.jsonl`, and other times.
"""

import datetime
import json
import math
import resource
import sys
import time
from pathlib import Path
from typing import Any

import jax

from experiments import cost
from experiments.config import Config
from experiments.trials import compilation
from rnnx.logbook import files
from rnnx.logbook.run_directory import PERFORMANCE


class Performance:
    """Of one session of one trial: from its start, or resumption, until its process ends.

    `width` trials train in the same program, on so many devices, and each makes as many steps as the others. What is
    said of operations and of memory is of all of them together.
    """

    def __init__(self, directory: Path, config: Config, width: int = 1, devices: int = 1):
        """Begin a session in the directory of a trial."""
        self._path = directory / PERFORMANCE
        self._session = {"session": _now(), "device": jax.devices()[0].device_kind, "devices": devices, "width": width}
        self._before = compilation.stats()
        self._flops = width * cost.training_flops(config)
        self._steps, self._seconds = 0, 0.0
        # A kill or a full disk may have cut off the last line.
        content = self._path.read_bytes() if self._path.exists() else b""
        if not content.endswith(b"\n"):
            files.write(self._path, content[: content.rfind(b"\n") + 1])

    def dispatched(self, steps: int, seconds: float) -> float:
        """Take in training steps that have just ended, and how long they took; how long without what was compiled."""
        seconds -= compilation.stats(since=time.time() - seconds).seconds
        self._steps += steps
        self._seconds += seconds
        return seconds

    def record(self, step: int) -> dict[str, Any]:
        """Add a line to `performance.jsonl`; its values by tag, speeds being those since the line before."""
        speed = self._steps / self._seconds if self._seconds > 0 else math.nan
        self._steps, self._seconds = 0, 0.0
        compiling = compilation.stats()
        values = {
            "steps_per_second": speed,
            "compile_seconds": compiling.seconds - self._before.seconds,
            "programs_compiled": compiling.compiled - self._before.compiled,
            "programs_loaded": compiling.loaded - self._before.loaded,
            **_peak_memory(),
            "gflop_per_second": speed * self._flops / 1e9,
        }
        tagged = {f"performance/{name}": float(f"{value:.4g}") for name, value in values.items()}
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "time": _now()} | self._session | tagged) + "\n")
        return tagged


def _peak_memory() -> dict[str, float]:
    """In MiB: the most that this process has held at once, in the host's memory and in that of the first device."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes or KiB
    peak = {"peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20}
    on_device = jax.local_devices()[0].memory_stats() or {}  # none on a CPU
    if "peak_bytes_in_use" in on_device:
        peak["peak_device_memory_mib"] = on_device["peak_bytes_in_use"] / 2**20
    return peak


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
