"""The Python examples of README, CONTRIBUTING and docs/flax.md run, each by itself in an empty directory."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
EXAMPLES = [
    example
    for name in ("README.md", "CONTRIBUTING.md", "docs/flax.md", "docs/engines.md")
    for example in re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
]


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(tmp_path, number):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLES[number]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_commands_name_files_that_exist():
    for path in re.findall(r"(?:--config=|^)((?:configs|scripts)/[a-z_.]+)", README.read_text(encoding="utf-8"), re.M):
        assert (ROOT / path).exists(), path
