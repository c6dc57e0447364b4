"""A run's file names stand in one file, and its status follows from them."""

import ast
from pathlib import Path

import pytest

from rnnx.logbook import run_directory

ROOT = Path(__file__).parents[2]
NAMES = {value for name, value in vars(run_directory).items() if name.isupper()} - {"analysis", "profile", "projector"}
NAMES -= {"_study"}  # the command line calls a module so
BEFORE_LOADING = {"experiments/board.py", "experiments/run.py", "experiments/sweep.py"}
"""Commands, which look before anything heavy is loaded."""


def test_no_other_file_spells_them():
    files = [path for folder in ("rnnx", "experiments") for path in (ROOT / folder).rglob("*.py")]
    spelling = set()
    for path in files:
        constants = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
        if NAMES & {value for value in constants if isinstance(value, str)}:
            spelling.add(path.relative_to(ROOT).as_posix())
    assert spelling == BEFORE_LOADING | {"rnnx/logbook/run_directory.py"}


@pytest.mark.parametrize(
    ("files", "status"),
    [((), "unfinished"), (("FAILED.json",), "failed"), (("DONE.json",), "done"), (("config.json",), "unfinished")],
)
def test_status(tmp_path, files, status):
    for name in files:
        (tmp_path / name).touch()
    assert run_directory.status(tmp_path) == status
