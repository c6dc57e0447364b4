"""Where a result comes from: config, data, versions, machine, command."""

import datetime
import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax

from experiments import user_modules
from experiments.build import task
from experiments.config import Config, ConfigError, difference
from rnnx.logbook import files
from rnnx.logbook.jsonl import drop_measurements
from rnnx.logbook.run_directory import DONE, FORECASTS, METRICS, PREDICTIONS, SAMPLES

_ROOT = Path(__file__).parents[2]

_PACKAGES = ("rnnx", "jax", "jaxlib", "flax", "optax", "ml_dtypes", "numpy", "orbax-checkpoint", "tensorboardX")
# What an accelerator brings: jax's plugin and the maker's libraries.
_OF_ACCELERATORS = ("jax-", "nvidia-", "libtpu")

_FLAGS = (
    "XLA_FLAGS",
    "LIBTPU_INIT_ARGS",
    "NVIDIA_TF32_OVERRIDE",
    "PJRT_NPROC",  # XLA's threads
    "NPROC",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)
_OPTIONS = ("jax_enable_x64", "jax_default_matmul_precision", "jax_default_prng_impl", "jax_threefry_partitionable")

_DECIDES = ("versions", "code", "git", "platform", "flags", "data", "modules", "slots", "split_over")
"""The parts of a record that can make the result of one config another one."""


def record(path: Path, config: Config, vmap_width: int, num_devices: int = 1) -> None:
    """Write `config.json`; one that is there already is kept, as the account of how the trial began.

    All but the steps, which may be more now. What there is then becomes that of a trial of so many, not done yet.

    Args:
      path: of the file.
      config: all settings of the trial.
      vmap_width: width of the program that the trial is part of.
      num_devices: on how many devices it runs.

    Raises:
      ConfigError: the trial began on other data, or with other contents of a module that it names.
    """
    chosen = task(config)
    data, modules = dict(chosen.data), user_modules.record(config)
    if path.exists():
        there = files.read_json(path)
        differing = difference(there["data"], data)
        if differing:
            raise ConfigError(f"{path.parent} was begun on other data: {differing}. Choose another --workdir.")
        contents = map(user_modules.contents, (there.get("modules", {}), modules))
        if differing := difference(*contents):
            raise ConfigError(
                f"{path.parent} was begun with other contents of a module: {differing}. Choose another --workdir, "
                "or put back what it was."
            )
        ended = there["config"]["steps"]
        if ended < config.steps:
            # Whenever a kill comes: until config.json is written it is a trial of fewer steps, not quite done.
            path.with_name(DONE).unlink(missing_ok=True)
            for predictions in path.with_name(PREDICTIONS).glob("*.jsonl"):
                predictions.unlink()
            if ended % config.measure_every:
                drop_measurements(path.with_name(METRICS), ended)
                for folder in (SAMPLES, FORECASTS):
                    for sample in path.with_name(folder).glob(f"{ended}.*"):
                        sample.unlink()
            files.write_json(path, there | {"config": config.to_dict()})
        return
    files.write_json(
        path,
        {
            "config": config.to_dict(),
            "slots": vmap_width,
            "split_over": num_devices,
            "task_facts": {
                "loss_unit": chosen.loss_unit,
                "floor": chosen.baseline_loss(config.length),
                "model": chosen.model,
                "tells_class": chosen.read is not None and bool(chosen.classes),
            },
            "data": data,
            "modules": modules,
            "versions": _versions(),
            "code": _code(),
            "git": _git_revision(),
            "platform": _platform(),
            "flags": {name: os.environ.get(name, "") for name in _FLAGS}
            | {name: getattr(jax.config, name) for name in _OPTIONS},
            "argv": sys.argv,
            "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        },
    )


def differences(one: dict[str, Any], other: dict[str, Any]) -> str:
    """What could make two trials of one config differ, by their `config.json`, as one line; empty if nothing does."""
    decides = ({part: record[part] for part in _DECIDES if part in record} for record in (one, other))
    return difference(*(part | {"modules": user_modules.contents(part.get("modules", {}))} for part in decides))


@functools.cache
def _versions() -> dict[str, str]:
    installed = {found.name: found.version for found in importlib.metadata.distributions()}
    names = [*_PACKAGES, *sorted(name for name in installed if name.startswith(_OF_ACCELERATORS))]
    return {"python": platform.python_version()} | {name: installed[name] for name in names if name in installed}


def _platform() -> dict[str, Any]:
    device = jax.devices()[0]
    return {
        "system": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "device": device.device_kind,
        "devices": jax.device_count(),
        "backend": device.platform,
        "backend_version": " ".join(device.client.platform_version.split()),
    }


def _cpu() -> str:
    """The model, by which XLA chooses instructions: other ones round otherwise."""
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@functools.cache
def _git_revision() -> str | None:
    """The commit that this code is at, marked `+changes` if files differ from it; `None` outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


@functools.cache
def _code() -> str:
    """The start of a sha256 of rnnx's own sources: a commit does not know of a new cell that is not committed yet."""
    digest = hashlib.sha256()
    for path in sorted(path for package in ("rnnx", "experiments") for path in (_ROOT / package).rglob("*.py")):
        digest.update(f"{path.relative_to(_ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
