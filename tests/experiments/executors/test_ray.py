"""Tasks of Ray, really run: by a Ray that a sweep starts for itself, and on a cluster of two nodes."""

import os
import secrets
import signal
import tempfile

import pytest

from rnnx.logbook import files, read_metrics
from tests.experiments import commands
from tests.experiments.executing import descendants
from tests.faults import processes, trials

cluster_utils = pytest.importorskip("ray.cluster_utils")
pytestmark = [
    pytest.mark.slow,
    # The cluster of two nodes is started from here; what is forked becomes another program at once.
    pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning"),
]

SWEEP = (*trials.LASTING, "--executor=ray", "--sweep=cell.name=lstm;seed=0:2")
NAMES = ("adding/lstm/T5/seed0", "adding/lstm/T5/seed1")


@pytest.fixture(autouse=True)
def apart(monkeypatch, tmp_path):
    """Nothing goes into the home directory; sockets need a short path, which pytest's is not."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        (tmp_path / "token").write_text(secrets.token_hex(32))
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        yield


@pytest.fixture
def straight(tmp_path):
    done = commands.run("run", *trials.ONE, f"--workdir={tmp_path / 'straight'}")
    assert done.returncode == 0, done.stderr
    return tmp_path / "straight"


def test_a_sweep_by_a_ray_of_its_own(tmp_path, straight):
    """Its processes listen where no other machine can reach them, and go with it."""
    with processes.started("sweep", *SWEEP, f"--workdir={tmp_path / 'runs'}") as sweep:
        processes.wait(sweep, lambda: trials.at(tmp_path / "runs" / NAMES[0], 20))
        family = descendants(sweep.pid)
        listening = [address.removeprefix("::ffff:") for address in processes.listening(family)]  # IPv4, by a v6 socket
        output, errors = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, errors
    assert "2 of 2 trials are done" in output
    assert trials.outcome(tmp_path / "runs" / NAMES[0]) == trials.outcome(straight)
    assert "--executor=ray" in files.read_json(tmp_path / "runs" / NAMES[0] / "config.json")["argv"]
    assert listening
    assert processes.beyond_loopback(listening) == []
    processes.gone(family)


def test_a_signal_stops_the_tasks_when_they_have_saved(tmp_path):
    trial = tmp_path / "runs" / NAMES[0]
    with processes.started("sweep", *SWEEP, "--config.steps=1000000", f"--workdir={tmp_path / 'runs'}") as sweep:
        processes.wait(sweep, lambda: trials.at(trial, 20))
        family = descendants(sweep.pid)
        os.kill(sweep.pid, signal.SIGTERM)
        _, errors = sweep.communicate(timeout=60)
    assert sweep.returncode == 143, errors
    assert len(errors.strip().splitlines()) == 1
    processes.gone(family)
    assert read_metrics(trial / "metrics.jsonl")[-1]["step"] == trials.newest(trial)


def test_a_trial_whose_node_is_lost_ends_on_another_as_if_it_had_not_been(tmp_path, straight):
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        trial = tmp_path / "runs" / NAMES[0]
        arguments = (*SWEEP, f"--only={NAMES[0]}", f"--workdir={tmp_path / 'runs'}")
        at = f"--executor_options=address={cluster.address}"
        with processes.started("sweep", *arguments, at) as sweep:
            processes.wait(sweep, lambda: trials.at(trial, 100))
            process = int((trial / "trial.lock").read_text())
            (node,) = [node for node in nodes if process in descendants(raylet(node))]
            cluster.remove_node(node, allow_graceful=False)
            processes.gone([process])
            assert not (trial / "DONE.json").exists()
            _, errors = sweep.communicate(timeout=300)
        assert sweep.returncode == 0, errors
        assert int((trial / "trial.lock").read_text()) != process
    finally:
        cluster.shutdown()
    assert trials.outcome(trial) == trials.outcome(straight)


def raylet(node):
    return node.all_processes["raylet"][0].process.pid


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("adress=here", "did you mean 'address'?"),
        ("num_cpus=many", "num_cpus=many"),
        ("address=127.0.0.1:9", "no Ray at 127.0.0.1:9"),
    ],
)
def test_a_setting_that_is_of_no_use_is_answered_by_one_line(tmp_path, settings, message):
    done = commands.run("sweep", *SWEEP, f"--workdir={tmp_path / 'runs'}", f"--executor_options={settings}")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
