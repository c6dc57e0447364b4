"""What the package says of itself."""

import configparser
import email
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import rnnx

ROOT = Path(__file__).parents[1]


def test_every_place_has_the_same_version():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    citation = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), flags=re.MULTILINE)
    assert rnnx.__version__ == settings["metadata"]["version"] == citation[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """What `pip install .` would unpack, built without the network from a copy: a build leaves files in its sources."""
    source, built = tmp_path_factory.mktemp("source") / "rnnx", tmp_path_factory.mktemp("wheel")
    passed_over = shutil.ignore_patterns(".*", "__pycache__", "runs", "build", "*.egg-info", "docs")
    shutil.copytree(ROOT, source, ignore=passed_over)
    backend = f"from setuptools.build_meta import build_wheel; build_wheel({str(built)!r})"
    subprocess.run([sys.executable, "-c", backend], cwd=source, check=True, capture_output=True, timeout=300)
    (path,) = built.iterdir()
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_a_wheel_installs_rnnx_only(wheel):
    info = f"rnnx-{rnnx.__version__}.dist-info"
    names = wheel.namelist()
    assert {name.partition("/")[0] for name in names} == {"rnnx", info}
    assert wheel.read(f"{info}/top_level.txt").split() == [b"rnnx"]
    recorded = [line.split(",")[0] for line in wheel.read(f"{info}/RECORD").decode().splitlines()]
    assert sorted(recorded) == sorted(names)
    assert email.message_from_bytes(wheel.read(f"{info}/METADATA"))["Version"] == rnnx.__version__


def test_a_wheel_has_every_file_of_rnnx(wheel):
    """Modules of all folders, and what they read: pages, styles, the list of data sets; and types for mypy."""
    files = (path for path in (ROOT / "rnnx").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    expected = {path.relative_to(ROOT).as_posix() for path in files}
    assert {Path(name).suffix for name in expected} > {".py", ".html", ".css", ".md"}
    assert {name for name in wheel.namelist() if name.startswith("rnnx/")} == expected


def test_every_public_name_is_there_and_they_are_sorted():
    assert all(hasattr(rnnx, name) for name in rnnx.__all__)
    assert rnnx.__all__ == sorted(rnnx.__all__)


def test_training_and_the_loop_of_trials_know_no_model():
    """That a model is one file: neither knows an encoder from a tree."""
    for folder in ("rnnx/training", "experiments/trials"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found = re.findall(r"encoder|decoder|children|recursive", path.read_text(encoding="utf-8"))
            assert not found, f"{path}: {found}"
