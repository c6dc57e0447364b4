"""What holds for every test, the examples in rnnx's docstrings included (hence at the root and not in tests/)."""

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# As for `experiments`; before jax loads the library.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Thousands of small programs, each run a few times: a fifth of all the time went into optimising them.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
# One place for what is compiled in this process, in those of pytest-xdist and in commands that tests run: a third of
# all programs come up again, in another test or process. Tests neither use nor fill the user's.
os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
if not os.environ.get("RNNX_TESTS_CACHE"):  # the first process, which removes it at its end
    for left in Path(tempfile.gettempdir()).glob("rnnx-tests-*"):  # by one that was killed
        if time.time() - left.stat().st_mtime > 86_400:
            shutil.rmtree(left, ignore_errors=True)
    _cache = tempfile.TemporaryDirectory(prefix="rnnx-tests-")
    os.environ["RNNX_TESTS_CACHE"] = _cache.name

import hypothesis
import jax
import pytest

from experiments.trials import compilation

# float32 + float64 raises instead of quietly deciding on one of them.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_compilation_cache_dir", f"{os.environ['RNNX_TESTS_CACHE']}/jax")
compilation.enable_cache()

hypothesis.settings.register_profile(
    "rnnx",
    derandomize=True,  # the same examples in every run
    database=None,
    deadline=None,  # the first example compiles, the others do not
    max_examples=25,
    # `float64` is set for all the examples of a test together, which is what is wanted.
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("rnnx")


EXAMPLES = {
    "rnnx/cells": "lstm",
    "rnnx/combinators": "stack",
    "rnnx/diagnostics": "state_gradient",
    "rnnx/dynamics": "lyapunov",
    "rnnx/models": "sequence",
    "rnnx/show": "lag",
    "rnnx/training": "objective",
}
"""Folders of which the fast suite runs the examples of one file: in most, each operation is a program of its own."""


@pytest.hookimpl(tryfirst=True)  # pytest-xdist looks at groups in the same hook, and at what is added later it does not
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All laws of one cell in one process (`--dist loadgroup`), which so compiles its programs once; and what else is
    in one file, or in the examples of one folder, whose programs are much the same. `tests/faults` does as it likes."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        folder, _, name = file.rpartition("/")
        if isinstance(item, pytest.DoctestItem) and name != f"{EXAMPLES.get(folder, item.path.stem)}.py":
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("xdist_group") is None and not file.startswith("tests/faults/"):
            parameters = getattr(item, "callspec", None)
            variant = parameters.params.get("variant") if parameters is not None else None
            place = folder if isinstance(item, pytest.DoctestItem) else file
            item.add_marker(pytest.mark.xdist_group(variant or place))


_tests = itertools.count()


def pytest_runtest_teardown() -> None:
    """Forget compiled programs before there are too many: each has its own mappings of memory, of which Linux allows a
    process 65530, and beyond that the compiler crashes. No ten tests make a third; to count them takes 25 ms."""
    mapped = Path("/proc/self/maps")
    if next(_tests) % 10 == 0 and mapped.exists() and mapped.read_bytes().count(b"\n") > 40_000:
        jax.clear_caches()


@pytest.fixture
def float64() -> Iterator[None]:
    """Compute in double precision within the test."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)
