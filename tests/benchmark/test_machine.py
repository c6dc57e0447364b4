"""Whether the machine has something else to do."""

import subprocess
import sys

import pytest

from scripts.benchmark import machine


def test_what_takes_a_core_makes_it_busy():
    if not machine._STAT.exists():
        pytest.skip("there is no count of what the cores do")
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        try:
            assert machine.busy()
        finally:
            other.kill()


@pytest.mark.parametrize(
    ("after", "busy"), [("cpu  101 2 300 999 50 6 2 70 8 9", False), ("cpu 130 2 300 9 5 6 1 7 8 9", True)]
)
def test_idle_cores_and_those_that_wait_for_a_disk_are_not_at_work(monkeypatch, tmp_path, after, busy):
    count = tmp_path / "stat"
    count.write_text("cpu  100 2 300 4 5 6 1 7 8 9\ncpu0 1 2\n")
    monkeypatch.setattr(machine, "_STAT", count)
    monkeypatch.setattr(machine.time, "sleep", lambda seconds: count.write_text(after))
    monkeypatch.setattr(machine.os, "sysconf", lambda name: 100)
    assert machine.busy() is busy
