"""The process in which one contestant lives: `python -m scripts.benchmark.layers.worker LIBRARY`.

Reads requests from standard input and answers on standard output, one JSON object a line. It imports no more than
NumPy and its library. What libraries print goes to standard error.
"""

import ctypes
import gc
import importlib.metadata
import json
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from scripts.benchmark import libraries
from scripts.benchmark.layers import problem
from scripts.benchmark.layers.point import PASSES


def main(name: str) -> None:
    """Serve until standard input ends."""
    _end_with_parent()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(message: dict[str, Any]) -> None:
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    try:
        library = libraries.get(name)
    except ImportError as error:
        reply({"missing": str(error)})
        return
    reply(_introduction(library))
    network: libraries.Network | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "build":
                network = None  # its memory is free before the next one comes
                network, message = _build(library, request)
            elif request["do"] == "time":
                assert network is not None
                message = {"seconds": _time(getattr(network, request["pass"]), request["calls"], request["warm_up"])}
            else:
                message = {"seconds": _time(_product(request["size"]), request["calls"], 1)}
        except Exception as error:  # whatever a library raises, the parent is told and the others go on
            traceback.print_exc()
            message = {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
        reply(message)


def _introduction(library: ModuleType) -> dict[str, Any]:
    return {
        "versions": {package: importlib.metadata.version(package) for package in library.PACKAGES},
        "python": platform.python_version(),
        "layout": library.LAYOUT,
        "form": library.FORM,
        "reference": library.REFERENCE,
    }


def _build(library: ModuleType, request: dict[str, Any]) -> tuple[libraries.Network, dict[str, Any]]:
    """Make the network and run each pass once; that is where compilation happens."""
    network = library.build(problem.load_problem(Path(request["problem"])), **request["settings"])
    seconds, values = {}, []
    for which in PASSES:
        start = time.perf_counter()
        values.append(getattr(network, which)())
        seconds[which] = time.perf_counter() - start
    problem.save_answer(Path(request["answer"]), network.answer(*values))
    return network, {"first_call": seconds}


def _time(call: Callable[[], Any], calls: int, warm_up: int) -> list[float]:
    """Seconds of each call; freeing what it returned is not counted."""
    for _ in range(warm_up):
        call()
    seconds = []
    gc.collect()
    gc.disable()
    for _ in range(calls):
        start = time.perf_counter()
        value = call()
        seconds.append(time.perf_counter() - start)
        del value
    gc.enable()
    return seconds


def _product(size: int) -> Callable[[], Any]:
    """The product of two square matrices in float32: the rate that the machine can reach."""
    import jax

    a = jax.random.normal(jax.random.key(0), (size, size), "float32")
    product = jax.jit(lambda a: a @ a)
    return lambda: jax.block_until_ready(product(a))


def _end_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends, however that ends: stopped, it would stay for ever."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
