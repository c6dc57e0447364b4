"""The scripts tell what they do, and install nothing for that."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = sorted(
    path
    for path in (Path(__file__).parents[1] / "scripts").iterdir()
    if path.is_file() and os.access(path, os.X_OK) and "_env.sh" in path.read_text()
)
assert {"bench", "demo", "faults", "lint", "test"} <= {path.name for path in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("arguments", [["--help"], ["study", "-h"]], ids=" ".join)
def test_help_is_the_header_and_nothing_is_made(tmp_path, script, arguments):
    environment = os.environ | {"RNNX_VENV": str(tmp_path / "venv"), "RNNX_PYTHON": "/no/where"}
    done = subprocess.run(
        [script, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    header = script.read_text().splitlines()[1 : 1 + len(lines)]
    assert lines == [line.removeprefix("#").removeprefix(" ") for line in header]
    assert f"  scripts/{script.name}" in done.stdout
    assert not script.read_text().splitlines()[1 + len(lines)].startswith("#")
    assert not list(tmp_path.iterdir())
