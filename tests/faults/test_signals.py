"""R6: SIGTERM (schedulers, `kill`, shutdown) and SIGINT (Ctrl-C) end a command within seconds, and lose nothing."""

import signal
import time

import pytest

from rnnx.logbook import read_metrics
from tests.experiments.commands import run
from tests.faults import processes, trials

SECONDS = 30
"""Far more than it takes: the machine may be busy with other tests."""

SEED_0 = "adding/lstm/T5/seed0"
COMMANDS = {
    "run": (trials.ONE, "."),
    "sweep": ((*trials.ONE, "--sweep=seed=0:2", "--jobs=2", "--vectorize=1"), SEED_0),
}


@pytest.mark.parametrize(
    ("module", "signum"),
    [
        pytest.param("run", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("run", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("sweep", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("sweep", signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_signal_is_answered_by_saving(straight, tmp_path, often, survived, module, signum):
    arguments, name = COMMANDS[module]
    arguments = (*arguments, f"--workdir={tmp_path}")
    trial = tmp_path / name
    times = often(1, 5)
    for moment in [40 * (number + 1) for number in range(times)]:
        with processes.started(module, *arguments) as process:
            processes.wait(process, lambda moment=moment: trials.at(trial, moment))
            asked = time.monotonic()
            # A terminal sends Ctrl-C to all processes in the foreground.
            processes.send(signum, processes.family(process) if signum == signal.SIGINT else [process.pid])
            _, errors = process.communicate(timeout=60)
            assert time.monotonic() - asked < SECONDS
            assert process.returncode == 128 + signum
            assert "Traceback" not in errors
            processes.gone(processes.family(process))
        # The last step of the record is that of the checkpoint: nothing that was done is lost.
        assert read_metrics(trial / "metrics.jsonl")[-1]["step"] == trials.newest(trial) >= moment
        assert not list(tmp_path.rglob("FAILED.json"))
        assert not (trial / "DONE.json").exists()  # another one of the sweep may have come to its end before
    done = run(module, *arguments)
    assert done.returncode == 0, done.stderr
    assert trials.outcome(trial) == trials.outcome(straight)
    survived("R6", f"{signal.Signals(signum).name} to {module}", times)
