"""Sweeps: which trials there are, and that a finished one is not run again."""

import json
import os
import signal
import subprocess
import time

import pytest

from experiments import config, sweep
from experiments.config import ConfigError
from rnnx.logbook import read_metrics
from tests.experiments.commands import command, run

SMALL = "--config=tests/experiments/study_small.py"


def names(tmp_path, overrides):
    return [trial.name for trial in sweep.resolve(config.default(), overrides, tmp_path)]


def test_a_product_has_all_combinations_with_types():
    points = sweep.product(config.default(), "cell.name=rnn,lstm;task.length=16,32;learning_rate=1e-3;seed=0:2")
    assert len(points) == 8
    assert points[0] == {"cell.name": "rnn", "task.length": 16, "learning_rate": 0.001, "seed": 0}
    assert sweep.product(config.default(), "cell.reset_after=true,false")[1] == {"cell.reset_after": False}


def test_a_comma_within_brackets_is_part_of_a_value(tmp_path):
    policies = ["orthogonal", "sparse(15, 0.95)", "normal(0.1)"]
    points = sweep.product(config.default(), f"cell.recurrent_initializer={','.join(policies)};seed=0,1")
    assert [point["cell.recurrent_initializer"] for point in points[::2]] == policies
    assert names(tmp_path, points)[2] == "adding/lstm,recurrent_initializer=sparse(15, 0.95)/T64/seed0"


def test_names_tell_what_varies(tmp_path):
    overrides = [
        {"cell.name": "rnn", "seed": 0},
        {"cell.name": "lstm", "cell.forget_bias": 0.0, "seed": 0},
        {"cell.name": "lstm", "cell.forget_bias": 1.0, "seed": 0},
    ]
    assert names(tmp_path, overrides) == [
        "adding/rnn/T64/seed0",
        "adding/lstm,forget_bias=0/T64/seed0",
        "adding/lstm,forget_bias=1/T64/seed0",
    ]
    constant = [{"cell.name": "lstm", "cell.forget_bias": 1.0, "seed": seed} for seed in (0, 1)]
    assert names(tmp_path, constant) == ["adding/lstm/T64/seed0", "adding/lstm/T64/seed1"]


def test_every_override_of_the_committed_studies_is_valid(tmp_path):
    from configs import gradient_flow

    overrides = [o for o in gradient_flow.sweep() if o["task.name"] == "adding"]
    trials = sweep.resolve(gradient_flow.get_config(), overrides, tmp_path)
    assert len(trials) == len(set(trials)) == 4 * 4 * 2
    assert {trial.config.cell.name for trial in trials} == {"rnn", "lstm", "gru"}


def test_an_unknown_field_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"did you mean 'task\.length'\?"):
        names(tmp_path, [{"task.lenght": 3}])


def test_values_of_the_wrong_type_and_empty_sweeps_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"the sweep sets task\.length to 'long'"):
        names(tmp_path, [{"task.length": "long"}])
    with pytest.raises(ConfigError, match="the sweep has no trials"):
        names(tmp_path, [])


def test_a_damaged_record_and_a_place_that_cannot_be_written_are_named_in_one_line(tmp_path):
    (tmp_path / "study.json").write_text("{")
    damaged = run("sweep", SMALL, f"--workdir={tmp_path}")
    assert damaged.returncode == 2
    assert damaged.stderr.strip() == f"sweep: {tmp_path / 'study.json'} is damaged: it is not a JSON file."
    (tmp_path / "file").touch()
    inside = run("sweep", SMALL, f"--workdir={tmp_path / 'file' / 'runs'}")
    assert inside.returncode == 2
    assert "Not a directory" in inside.stderr
    assert len(inside.stderr.strip().splitlines()) == 1


def test_a_sweep_runs_once_and_its_record_is_whole(tmp_path):
    workdir = tmp_path / "runs"
    first = run("sweep", SMALL, f"--workdir={workdir}", "--jobs=2")
    assert first.returncode == 0, first.stderr
    assert "4 of 4 trials are done" in first.stdout
    trial = workdir / "adding" / "lstm" / "T5" / "seed1"
    assert [record["step"] for record in read_metrics(trial / "metrics.jsonl")] == list(range(0, 61, 2))
    assert json.loads((trial / "config.json").read_text())["config"]["seed"] == 1
    assert json.loads((trial / "DONE.json").read_text())["steps"] == 60
    assert list(trial.glob("events.out.tfevents.*"))
    stamps = {path: path.stat().st_mtime_ns for path in workdir.rglob("*")}

    again = run("sweep", SMALL, f"--workdir={workdir}")
    assert again.returncode == 0
    assert again.stdout.strip() == "all 4 trials are done."
    assert {path: path.stat().st_mtime_ns for path in workdir.rglob("*")} == stamps

    other = run("sweep", SMALL, f"--workdir={workdir}", "--config.learning_rate=0.5")
    assert other.returncode == 2
    assert "learning_rate (0.003 there, 0.5 here)" in other.stderr
    one = run("run", SMALL, f"--workdir={trial}", "--config.batch_size=5", "--config.seed=1")
    assert one.returncode == 2
    assert "batch_size (4 there, 5 here)" in one.stderr


def test_a_trial_that_diverges_fails_alone(tmp_path):
    """A learning rate of 1e38 makes the parameters infinite at the first step."""
    workdir = tmp_path / "runs"
    done = run("sweep", SMALL, f"--workdir={workdir}", "--jobs=1", "--sweep=cell.name=rnn;learning_rate=1e38,1e-3")
    assert done.returncode == 1
    assert "1 of 2 trials are done" in done.stdout
    failed = workdir / "adding" / "rnn,learning_rate=1e+38" / "T5" / "seed0"
    assert "not finite at step 2" in json.loads((failed / "FAILED.json").read_text())["error"]
    assert not (failed / "DONE.json").exists()
    assert all(record["step"] < 2 for record in read_metrics(failed / "metrics.jsonl"))
    assert (workdir / "adding" / "rnn,learning_rate=0.001" / "T5" / "seed0" / "DONE.json").exists()


def test_a_worker_that_is_killed_costs_its_trial_only_and_that_resumes(tmp_path):
    """A real SIGKILL, as the kernel sends when memory runs out."""
    workdir = tmp_path / "runs"
    lasting = ("--config.steps=1000", "--config.checkpoint_every=50", "--config.measure_every=1000")
    arguments = (SMALL, f"--workdir={workdir}", "--jobs=2", *lasting)
    process = subprocess.Popen(**command("sweep", *arguments), stdout=subprocess.PIPE, text=True)
    trial = workdir / "adding" / "rnn" / "T5" / "seed0"
    deadline = time.monotonic() + 120
    while not list(trial.glob("checkpoints/[0-9]*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    (worker,) = {name.split(".")[-2] for name in os.listdir(trial) if name.startswith("events.out")}
    os.kill(int(worker), signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "adding/rnn/T5/seed0 failed: its process was killed; run again to resume" in output
    assert (workdir / "adding" / "lstm" / "T5" / "seed0" / "DONE.json").exists()
    again = run("sweep", *arguments)
    assert again.returncode == 0, again.stderr
    assert "4 of 4 trials are done" in again.stdout
    steps = [record["step"] for record in read_metrics(trial / "metrics.jsonl")]
    assert steps == list(range(0, 1001, 2))
