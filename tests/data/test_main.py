"""`python -m rnnx.data`, without any network."""

import os
import subprocess
import sys

import pytest

from rnnx import data
from rnnx.data.__main__ import main


@pytest.fixture
def offline(closed_port, tmp_path, monkeypatch):
    """Every way out leads to a port that refuses, or to an empty folder of packages."""
    for variable in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))


def test_the_first_that_can_be_had(offline, real_data, cache, capsys):
    assert main(["tinyshakespeare", "shakespeare"]) == 0
    printed = capsys.readouterr()
    assert printed.out == (
        f"tinyshakespeare: {real_data / 'tinyshakespeare' / 'input.txt'} (1,115,394 bytes, "
        "sha256 86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed)\n"
    )
    assert printed.err == ""
    assert not cache.exists()


def test_one_that_cannot_be_had_is_passed_over(offline, real_data, tmp_path, monkeypatch, capsys):
    (tmp_path / "tinyshakespeare").symlink_to(real_data / "tinyshakespeare")
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))  # which has no other data set
    assert main(["shakespeare", "tinyshakespeare"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("tinyshakespeare: ")
    assert printed.err.startswith("shakespeare: cannot get ")
    assert printed.err.count("\n") == 1


def test_none_to_be_had_is_a_line_each_and_status_2(offline, cache):
    command = [sys.executable, "-m", "rnnx.data", "tinyshakespeare", "shakespeare"]
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("tinyshakespeare: cannot get tinyshakespeare/input.txt: ")
    assert "Connection refused" in first
    assert second.startswith("shakespeare: cannot get shakespeare/complete_works.txt: ")
    assert not cache.exists()


def test_an_unknown_name_is_one_line_before_anything_is_fetched(offline, capsys):
    assert main(["tinyshakespeare", "shakespear"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        f"no data named 'shakespear'; did you mean 'shakespeare'? Known: {', '.join(data.names())}.\n"
    )
