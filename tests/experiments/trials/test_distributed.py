"""One trial on many devices, of one process and of two: the result stays, and whatever happens happens to all."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from rnnx.logbook import read_metrics
from tests.experiments.commands import command, run

pytestmark = pytest.mark.xdist_group("distributed")  # its trials are made once

STEPS = 200


def arguments(workdir, *more):
    return [
        "--config=tests/experiments/study_small.py",
        f"--workdir={workdir}",
        f"--config.steps={STEPS}",
        "--config.checkpoint_every=20",
        "--config.measure_every=100",
        *more,
    ]


def devices(count):
    return {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={count}"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def start(workdir, *more, others=None):
    """The two processes of a trial; the second one is told of a directory that it must not touch."""
    processes = [f"--coordinator=127.0.0.1:{free_port()}", "--processes=2"]
    return [
        subprocess.Popen(
            **command("run", *arguments(directory, *extra), *processes, f"--process={process}", **devices(1)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process, (directory, extra) in enumerate(
            [(workdir, more), (workdir.with_name("untouched"), more if others is None else others)]
        )
    ]


def ended(processes, seconds=120):
    """Exit statuses and what was said, of processes that end in time."""
    deadline = time.monotonic() + seconds
    try:
        said = [process.communicate(timeout=max(deadline - time.monotonic(), 0.1)) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], said


def reached(workdir, step, processes):
    """Wait until there is a checkpoint of a step, or of a later one."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        if any(f.name.isdigit() and int(f.name) >= step for f in (workdir / "checkpoints").glob("*")):
            return
        time.sleep(0.005)
    raise AssertionError(ended(processes, 1))


def last_checkpoint(workdir):
    """Content hashes of the final state, as the checkpoint records them."""
    (leaves,) = (workdir / "checkpoints" / str(STEPS) / "leaves").rglob("metadata")
    return leaves.read_text()


def losses(workdir):
    return [record["train/loss"] for record in read_metrics(workdir / "metrics.jsonl")[1:]]


def record(workdir):
    return json.loads((workdir / "config.json").read_text())


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The trial on one device."""
    workdir = tmp_path_factory.mktemp("alone") / "trial"
    done = run("run", *arguments(workdir))
    assert done.returncode == 0, done.stderr
    assert record(workdir)["split_over"] == 1
    return workdir


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """The trial on two devices of one process."""
    workdir = tmp_path_factory.mktemp("split") / "trial"
    done = run("run", *arguments(workdir, "--data_parallel"), **devices(2))
    assert done.returncode == 0, done.stderr
    assert record(workdir)["split_over"] == 2
    return workdir


def assert_near(workdir, alone):
    assert len(losses(workdir)) == STEPS // 2
    # Sums over the batch in another order: roundings of float32 that 200 steps amplify.
    np.testing.assert_allclose(losses(workdir), losses(alone), rtol=1e-2)


@pytest.mark.slow
def test_two_devices_train_as_one(split, alone):
    assert record(split)["config"] == record(alone)["config"]
    assert_near(split, alone)


@pytest.mark.slow
def test_a_second_run_is_split_as_the_first_and_bit_identical(tmp_path, split):
    done = run("run", f"--from={split}", f"--workdir={tmp_path / 'again'}", **devices(2))
    assert done.returncode == 0, done.stdout + done.stderr
    assert record(tmp_path / "again")["split_over"] == 2
    assert f"bit-identical to {split}" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(4, 1), (1, 4)])
def test_a_trial_goes_on_with_another_number_of_devices(tmp_path, alone, before, after):
    def session(count):
        return [*arguments(tmp_path, *["--data_parallel"] * (count > 1))], devices(count)

    given, environment = session(before)
    process = subprocess.Popen(
        **command("run", *given, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        reached(tmp_path, 40, [process])
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert not (tmp_path / "DONE.json").exists()
    given, environment = session(after)
    done = run("run", *given, **environment)
    assert done.returncode == 0, done.stderr
    assert record(tmp_path)["split_over"] == before
    assert_near(tmp_path, alone)


@pytest.mark.slow
def test_trials_side_by_side_are_spread_over_the_devices(tmp_path):
    def sweep(name, **environment):
        workdir = tmp_path / name
        sweep = ["--sweep=cell.name=gru;seed=0:4", "--vectorize=4", "--config.steps=20", "--jobs=1"]
        done = run("sweep", "--config=tests/experiments/study_small.py", f"--workdir={workdir}", *sweep, **environment)
        assert done.returncode == 0, done.stderr
        return [workdir / "adding" / "gru" / "T5" / f"seed{seed}" for seed in range(4)]

    for one, four in zip(sweep("one", **devices(1)), sweep("four", **devices(4)), strict=True):
        assert (record(one)["split_over"], record(four)["split_over"]) == (1, 4)
        np.testing.assert_allclose(losses(four), losses(one), rtol=1e-4)  # roundings, few steps


@pytest.mark.slow
def test_two_processes_train_as_one_whatever_becomes_of_them(tmp_path, split):
    """Three sessions that end by force, each of another kind, and one that ends well."""
    workdir = tmp_path / "trial"

    processes = start(workdir)
    reached(workdir, 20, processes)
    processes[1].kill()
    (status, _), ((told, _), _) = ended(processes, seconds=30)
    assert status == 1
    assert "the processes lost each other, run again to resume" in told

    processes = start(workdir)
    reached(workdir, 60, processes)
    processes[0].kill()
    (_, status), (_, (_, told)) = ended(processes, seconds=30)
    # jax's own watch may come first, which ends the process by SIGABRT.
    assert status in (1, -signal.SIGABRT)
    assert "the processes lost each other" in told or "another task died" in told

    processes = start(workdir)
    reached(workdir, 100, processes)
    processes[1].terminate()
    statuses, said = ended(processes, seconds=30)
    assert statuses == [143, 143], said
    assert not (workdir / "DONE.json").exists()

    processes = start(workdir)
    statuses, said = ended(processes)
    assert statuses == [0, 0], said
    assert "1 of 1 trials are done" in said[0][0]
    assert said[1][1] == ""
    assert record(workdir)["split_over"] == 2
    # The sum of two gradients is the same, however it is exchanged.
    assert (workdir / "metrics.jsonl").read_bytes() == (split / "metrics.jsonl").read_bytes()
    assert last_checkpoint(workdir) == last_checkpoint(split)
    assert not (tmp_path / "untouched").exists()

    statuses, said = ended(start(workdir))
    assert statuses == [0, 0], said
    assert "all 1 trials are done" in said[0][0]


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_all_processes(tmp_path):
    statuses, said = ended(start(tmp_path / "trial", "--config.learning_rate=1e38"))
    assert statuses == [1, 1], said
    assert "loss or gradient is not finite at step 2" in said[0][0]
    failure = json.loads((tmp_path / "trial" / "FAILED.json").read_text())
    assert failure["diverged"]
    assert record(tmp_path / "trial")["split_over"] == 2


def test_processes_with_other_settings_do_not_begin(tmp_path):
    statuses, said = ended(start(tmp_path / "trial", others=["--config.batch_size=8"]))
    assert statuses == [2, 2], said
    assert "process 1 has other settings" in said[0][1]
    assert "process 0 has other settings" in said[1][1]
    assert not (tmp_path / "trial").exists()


@pytest.mark.slow
def test_a_mistake_of_one_process_is_told_to_the_others(tmp_path):
    statuses, said = ended(start(tmp_path / "trial", others=["--config.cell.name=lsmt"]))
    assert statuses == [2, 2], said
    assert "process 1 could not begin" in said[0][1]
    assert "did you mean 'lstm'?" in said[1][1]
    assert all(len(stderr.strip().splitlines()) == 1 for _, stderr in said)


def test_an_address_that_is_taken_is_said_to_be(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        coordinator = f"127.0.0.1:{taken.getsockname()[1]}"
        processes = [f"--coordinator={coordinator}", "--processes=2", "--process=0"]
        done = run("run", *arguments(tmp_path / "trial", *processes))
    assert done.returncode == 2
    assert done.stderr.startswith(f"run: --coordinator={coordinator}: can't listen there: Address already in use")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("process", [pytest.param(0, marks=pytest.mark.slow), 1])
@pytest.mark.slow
def test_processes_that_do_not_come_are_not_waited_for_for_ever(process):
    code = "distributed.ARRIVAL = 3; "
    code += f"distributed.initialize(distributed.Processes('127.0.0.1:{free_port()}', 2, {process}))"
    given = command("run", **devices(1)) | {
        "args": [sys.executable, "-c", f"from experiments.trials import distributed; {code}"]
    }
    done = subprocess.run(**given, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 2
    assert "the 2 processes did not find each other within 3 s" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data_parallel", "--config.batch_size=6"], "multiple of the number of devices (4), not 6; 4 and 8 are"),
        (["--coordinator=127.0.0.1:9"], "--coordinator, --processes and --process go together"),
        (["--coordinator=localhost", "--processes=2", "--process=0"], "not of the form host:port"),
        (["--coordinator=127.0.0.1:9", "--processes=2", "--process=2"], "of 2 processes the last one is 1"),
    ],
)
def test_a_mistake_is_answered_by_one_line(tmp_path, flags, message):
    workdir = tmp_path / "trial"
    done = run("run", *arguments(workdir, *flags), **devices(4))
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not workdir.exists()
