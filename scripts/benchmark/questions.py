"""Questions to another library's script, as files of arrays: what does it compute with given weights?

In a folder each `<name>.posed.npz` is answered by a `<name>.answered.npz`. The process that answers prints the versions
of its library as JSON, and imports no more than NumPy, that library and the script.
"""

import importlib.metadata
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmark.interpreters import PYTHON, ROOT, WorkerError

PACKAGES = {"torch": ("torch", "numpy"), "flax": ("flax", "jax", "jaxlib", "optax", "numpy")}

Arrays = dict[str, Any]


def ask(module: str, library: str, posed: Mapping[str, Arrays]) -> tuple[dict[str, Arrays], dict[str, str]]:
    """The answers of a process of its own, `python -m <module> <library> <folder>`, and the library's versions.

    Raises:
      WorkerError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, arrays in posed.items():
            np.savez(Path(folder) / f"{name}.posed.npz", **arrays)
        command = [PYTHON[library], "-m", module, library, folder]
        environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]
            raise WorkerError(f"{library}'s script: {last}")
        answered = {}
        for name in posed:
            with np.load(Path(folder) / f"{name}.answered.npz") as file:
                answered[name] = dict(file)
    return answered, json.loads(done.stdout)


def serve(library: str, folder: str, answer: Callable[[str, Arrays], Arrays]) -> None:
    """Read, answer, write, in the process that is asked: `answer` is told a question's name and arrays."""
    for question in Path(folder).glob("*.posed.npz"):
        name = question.name.removesuffix(".posed.npz")
        with np.load(question) as file:
            answered = answer(name, dict(file))
        arrays: Arrays = {key: np.asarray(value) for key, value in answered.items()}
        np.savez(question.with_name(f"{name}.answered.npz"), **arrays)
    versions = {package: importlib.metadata.version(package) for package in PACKAGES[library]}
    print(json.dumps(versions | {"python": platform.python_version()}))
