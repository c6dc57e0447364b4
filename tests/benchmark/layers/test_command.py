"""The command as a user gives it, with real worker processes."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from absl.testing import flagsaver

from scripts.benchmark.interpreters import WorkerError
from scripts.benchmark.layers import __main__ as command
from scripts.benchmark.layers.workers import NotInstalledError, Worker
from tests.helpers import forked

ROOT = Path(__file__).parents[3]


def run(*arguments):
    return forked.run("module", "scripts.benchmark.layers", *arguments, cwd=ROOT, environment=os.environ)


def state(pid):
    """Linux's letter for it: T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.mark.slow
def test_a_run_from_flags_to_page(tmp_path):
    out = tmp_path / "results" / "tiny.json"
    sizes = ["--cells=rnn", "--hidden=4", "--batch=2", "--layers=2", "--steps=3"]
    done = run(*sizes, "--peers=flax", "--repetitions=5", f"--out={out}")
    assert done.returncode == 0, done.stderr
    record = json.loads(out.read_text())
    (entry,) = record["points"]
    assert (entry["cell"], entry["hidden"], entry["batch"], entry["layers"], entry["steps"]) == ("rnn", 4, 2, 2, 3)
    assert list(entry["contestants"]) == ["rnnx", "flax"]
    for result in entry["contestants"].values():
        # float32 rounds to 6e-8, sums have 8 terms.
        assert 0 < result["error"] < 1e-6
        assert result["forward"]["repetitions"] >= 5
        assert 0 < result["backward"]["minimum_ms"] <= result["backward"]["median_ms"]
    assert record["contestants"]["flax"]["versions"]["flax"]
    assert "rnn, forward + backward" in out.with_suffix(".md").read_text()


def test_a_mistake_ends_with_status_2_and_one_line():
    done = run("--cells=lsmt")
    assert done.returncode == 2
    assert done.stderr == "bench: no cell named 'lsmt'; did you mean 'lstm'? Known: gru, lstm, rnn.\n"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden=64,x"], "--hidden: 'x' is not a whole number"),
        (["--layers=0"], "--layers must be a whole number of at least 1, not 0"),
        (["--repetitions=0"], "--repetitions must be a whole number of at least 1, not 0"),
        (["--peers=flx"], "no peer named 'flx'; did you mean 'flax'?"),
        (["--engine=scna"], "no engine named 'scna'; did you mean 'scan'?"),
        (["--out=results.txt"], "--out=results.txt must be a .json file"),
        (["surplus"], "unexpected argument 'surplus'"),
        (["--celss=rnn"], "Did you mean: cells"),
    ],
)
def test_each_mistake_is_named(arguments, message, capsys):
    with flagsaver.flagsaver(), pytest.raises(SystemExit) as caught:
        command.main(command._parse(["bench", *arguments]))
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.slow
def test_a_worker_is_stopped_between_requests_and_started_again_after_its_end(tmp_path):
    contestant = Worker("flax", "flax")
    try:
        pid = contestant._process.pid
        assert state(pid) == "T"
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match="ended with status -9"):
            contestant.ask(do="product", size=2, calls=1)
        contestant.start()
        assert contestant._process.pid != pid
        with pytest.raises(WorkerError, match="FileNotFoundError"):
            contestant.ask(do="build", problem=str(tmp_path / "none.npz"), answer="", settings={})
        assert len(contestant.ask(do="product", size=2, calls=3)["seconds"]) == 3
        assert state(contestant._process.pid) == "T"
    finally:
        contestant.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_stopped_worker_does_not_outlive_a_killed_parent():
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        worker = int(parent.stdout.readline())
        assert state(worker) == "T"
        ended = os.pidfd_open(worker)
        parent.kill()
        assert select.select([ended], [], [], 60)[0] == [ended]
        os.close(ended)


_PARENT = """
from scripts.benchmark.layers.workers import Worker
print(Worker("flax", "flax")._process.pid, flush=True)
input()
"""


def test_a_library_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("scripts.benchmark.layers.workers.TORCH_PYTHON", tmp_path / "python")
    with pytest.raises(NotInstalledError, match=r"there is no .*python"):
        Worker("torch", "torch")
