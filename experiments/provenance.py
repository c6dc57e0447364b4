"""Where a result comes from: config, data, versions, machine, command."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

import jax

from experiments import files
from experiments.config import Config, ConfigError, difference, task

_PACKAGES = ("rnnx", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "tensorboardX", "numpy")


def record(path: Path, config: Config) -> None:
    """Write `config.json`; one that is there already is kept, as the account of how the trial began.

    Raises:
      ConfigError: the trial began on other data.
    """
    chosen = task(config)
    data = chosen.provenance
    if path.exists():
        differing = difference(files.read_json(path)["data"], data)
        if differing:
            raise ConfigError(f"{path.parent} was begun on other data: {differing}. Choose another --workdir.")
        return
    device = jax.devices()[0]
    files.write_json(
        path,
        {
            "config": config.to_dict(),
            "task_facts": {"loss_unit": chosen.loss_unit, "floor": chosen.floor(config.task.size)},
            "data": data,
            "versions": {name: importlib.metadata.version(name) for name in _PACKAGES}
            | {"python": sys.version.split()[0]},
            "platform": {
                "system": platform.platform(),
                "cores": os.cpu_count(),
                "device": device.device_kind,
                "backend": device.platform,
                "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
            },
            "argv": sys.argv,
            "git": _git_revision(),
            "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        },
    )


def _git_revision() -> str | None:
    """The commit that this code is at, marked `+changes` if files differ from it; `None` outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
