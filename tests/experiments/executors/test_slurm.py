"""Jobs by submitit, really run: by its local executor, which takes the place of SLURM and nothing else."""

import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest

from experiments.config import ConfigError
from experiments.trials import signals
from rnnx.logbook import files
from tests.experiments import commands
from tests.experiments.executing import ENDLESS, checkpoints, descendants, execute, made, record
from tests.faults import processes

pytest.importorskip("submitit")

LASTING = {"steps": 400, "checkpoint_every": 40, "measure_every": 200}


@pytest.fixture(autouse=True)
def study(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNX_CACHE_DIR", commands.CACHE)
    monkeypatch.setattr("experiments.executors._poller.EVERY", 0.05)  # lest a trial ends before it is seen to run
    (tmp_path / "study.json").write_text('{"trials": {}}')
    return tmp_path


def jobs():
    """The processes of all jobs: of each submitit's controller, the job, and the trial in it."""
    controllers = [pid for pid in descendants(os.getpid()) if "submitit.local._local" in command_line(pid)]
    return [pid for controller in controllers for pid in descendants(controller)]


def job():
    """The process of the one job, as SLURM knows it."""
    (found,) = [pid for pid in jobs() if "submitit.core._submit" in command_line(pid)]
    return found


def command_line(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.slow
def test_a_job_that_is_killed_costs_its_group_alone_and_resumes(study):
    groups = made(study, {"seed": 0}, {"seed": 1}, **LASTING)
    killed, trial = [], groups[0].trials[0]

    def kill(news):
        if news.trial == trial.name and news.step >= 80 and not killed:  # the record is there before the checkpoint
            killed.extend(descendants(job()))
            os.kill(killed[0], signal.SIGKILL)

    lost, done = execute("slurm", groups, kill, cluster="local")
    assert re.match(r"its job \d+ ended without a result \(.*\), see /.*\.err; run again to resume$", lost.outcome)
    assert done.outcome == "done"
    assert files.read_json(groups[1].trials[0].directory / "config.json")["argv"] == sys.argv
    processes.gone(killed)
    assert checkpoints(trial)
    assert not (trial.directory / "DONE.json").exists()
    assert [news.outcome for news in execute("slurm", groups[:1], cluster="local")] == ["done"]
    assert record(trial).count(b"\n") == 201
    assert sorted(study.glob("slurm/*/*_log.err"))


@pytest.mark.slow
def test_a_job_that_is_preempted_is_queued_again_and_goes_on(study):
    """SLURM's warning is a signal to all processes of the job."""
    (group,) = made(study, {"seed": 0}, **LASTING)
    told = []

    def preempt(news):
        if news.step >= 40 and not told:
            told.extend(descendants(job()))
            for pid in told:
                os.kill(pid, signal.SIGUSR2)

    (news,) = execute("slurm", [group], preempt, cluster="local")
    assert news.outcome == "done"
    (log,) = study.glob("slurm/*/*_0_log.err")
    assert "Requeued job" in log.read_text() + log.with_suffix(".out").read_text()
    assert len(list(group.trials[0].directory.glob("events.out.tfevents.*[0-9]"))) == 2
    assert record(group.trials[0]).count(b"\n") == 201


@pytest.mark.slow
def test_a_signal_to_the_driver_cancels_jobs_when_they_have_saved(study, stoppable):
    settings = {"steps": ENDLESS, "checkpoint_every": ENDLESS, "measure_every": ENDLESS}
    (group,) = made(study, {"seed": 0}, **settings)
    running = []

    def stop(news):
        if news.step > 0 and not running:
            running.extend(jobs())
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(signals.Interrupted):
        execute("slurm", [group], stop, cluster="local")
    processes.gone(running)
    assert len(checkpoints(group.trials[0])) == 1


@pytest.mark.slow
def test_a_sweep_that_one_executor_was_stopped_at_goes_on_under_another(study, stoppable, monkeypatch):
    (straight,) = made(study / "straight", {"seed": 0}, **LASTING)
    (moved,) = made(study / "moved", {"seed": 0}, **LASTING)
    assert execute("local", [straight])[0].outcome == "done"

    def stop(news):
        if news.step == 130 and not signals.requested():
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(signals.Interrupted):
        execute("local", [moved], stop)
    monkeypatch.setattr(signals, "_received", 0)
    assert execute("slurm", [moved], cluster="local")[0].outcome == "done"
    assert record(moved.trials[0]) == record(straight.trials[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cluster": "local", "partitoin": "gpu"}, "partitoin"),
        ({"cluster": "local", "timeout_min": "long"}, "timeout_min"),
        ({"cluster": "lcoal"}, "lcoal"),
        ({}, "srun"),
    ],
)
def test_what_submitit_does_not_take_is_told_in_one_line(study, settings, message):
    if not settings and shutil.which("srun"):
        pytest.skip("there is a SLURM here")
    with pytest.raises(ConfigError, match=message) as error:
        execute("slurm", made(study, {"seed": 0}), **settings)
    assert "\n" not in str(error.value)
