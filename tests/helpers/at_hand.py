"""What a test may use without fetching anything."""

import functools
import inspect
import math
import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import rnnx
from rnnx import data
from rnnx.data import DataError
from rnnx.types import Task

_NO_WAY_OUT = {
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "https_proxy": "http://127.0.0.1:1",
    "PIP_NO_INDEX": "1",
    "npm_config_offline": "true",
}


@functools.cache
def task(name: str) -> Task | None:
    """The task, in a variant that is short and whose text is at hand; `None` if its data is not on this machine."""
    make = rnnx.tasks.get(name)
    options = {}
    if name == "series":
        options = {"path": str(_waves())}
    elif name == "sequential_mnist":
        options = {"by": "rows"}  # 28 steps, and not 784
    if corpus := inspect.signature(make).parameters.get("corpus"):
        texts = sorted(filter(data.available, data.texts()), key=lambda text: text != corpus.default)
        options = {"corpus": texts[0]} if texts else {}
    return _made(make, **options)


def by_default(name: str) -> bool:
    """Whether the task's default variant can be made."""
    return _made(rnnx.tasks.get(name)) is not None


def _made(make: Callable[..., Task], **options: str) -> Task | None:
    with mock.patch.dict(os.environ, _NO_WAY_OUT):
        try:
            return make(**options)
        except DataError:
            return None


def _waves() -> Path:
    """A file of series, which are no data set."""
    path = Path(os.environ["RNNX_TESTS_CACHE"], "waves.csv")
    if not path.exists():
        part = path.with_name(f"{path.name}.{os.getpid()}")  # whole or not there, of several processes too
        part.write_text("\n".join(["sine,cosine", *(f"{math.sin(t):.6f},{math.cos(2 * t):.6f}" for t in range(200))]))
        part.replace(path)
    return path
