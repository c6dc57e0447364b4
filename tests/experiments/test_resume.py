"""A trial that was killed goes on and ends as if nothing had happened."""

import hashlib
import os
import signal
import subprocess
import time

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rnnx.logbook import read_metrics
from tests.experiments.commands import command, run


def arguments(workdir, cell):
    return [
        "--config=tests/experiments/study_small.py",
        f"--workdir={workdir}",
        f"--config.cell.name={cell}",
        "--config.steps=400",
        "--config.checkpoint_every=20",
        "--config.measure_every=40",
    ]


def last_checkpoint(workdir):
    """Content hashes of the final state, as the checkpoint records them."""
    (leaves,) = (workdir / "checkpoints" / "400" / "leaves").rglob("metadata")
    return leaves.read_text()


def kill_at(workdir, cell, step):
    """Start the trial and kill its whole process group as soon as the record has reached a step."""
    process = subprocess.Popen(
        **command("run", *arguments(workdir, cell)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    try:
        while process.poll() is None and time.monotonic() < deadline:
            folders = (workdir / "checkpoints").glob("[0-9]*")
            if max((int(f.name) for f in folders if f.name.isdigit()), default=-1) >= step:
                break
            time.sleep(0.005)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (workdir / "DONE.json").exists(), "the trial ended before it was killed"


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_killed_and_resumed_equals_never_stopped(tmp_path, cell):
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    assert run("run", *arguments(straight, cell)).returncode == 0
    for step in (20, 140):
        kill_at(killed, cell, step)
    done = run("run", *arguments(killed, cell))
    assert done.returncode == 0, done.stderr

    def digest(workdir):
        return hashlib.sha256((workdir / "metrics.jsonl").read_bytes()).hexdigest()

    assert digest(killed) == digest(straight)
    assert last_checkpoint(killed) == last_checkpoint(straight)
    steps = [record["step"] for record in read_metrics(killed / "metrics.jsonl")]
    assert steps == list(range(0, 401, 2))
    events = EventAccumulator(str(killed), size_guidance={"scalars": 0}).Reload()
    assert [event.step for event in events.Scalars("train/loss")] == steps[1:]
    assert len(list(killed.glob("events.out.tfevents.*"))) == 3
