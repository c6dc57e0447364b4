"""Executors, and the one that is always there: processes on this machine, which may end in any way."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from experiments import executors
from experiments.config import ConfigError
from experiments.executors import KILLED, local
from experiments.executors._poller import MetricsPoller
from experiments.trials import signals
from experiments.trials.trial import Trial
from rnnx.logbook import read_metrics
from rnnx.logbook.jsonl import last_record
from tests.experiments import commands
from tests.experiments.executing import ENDLESS, checkpoints, descendants, execute, made
from tests.faults import processes
from tests.helpers import forked


@pytest.fixture(autouse=True)
def cache(monkeypatch):
    monkeypatch.setenv("RNNX_CACHE_DIR", commands.CACHE)


@pytest.fixture(autouse=True)
def forks(monkeypatch):
    """What becomes of processes does not depend on how they are started, which the test of Ctrl-C is about."""
    monkeypatch.setattr(local, "_CONTEXT", forked.Workers())


def workers():
    return [child.pid for child in multiprocessing.active_children()]


def test_there_is_an_executor_for_each_file():
    assert executors.names() == ("local", "ray", "slurm")


@pytest.mark.parametrize(("name", "library"), [("ray", "ray"), ("slurm", "submitit")])
def test_an_executor_without_its_library_says_what_to_install(monkeypatch, name, library):
    monkeypatch.delitem(sys.modules, f"experiments.executors.{name}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)  # what import does then is what it does where nothing is installed
    with pytest.raises(ConfigError, match=rf"^--executor={name} needs .*: pip install 'rnnx\[{name}\]'$"):
        executors.get(name)


def test_settings_are_refused_by_an_executor_that_has_none(tmp_path):
    with pytest.raises(ConfigError, match="the local executor has none, and no 'address'"):
        execute("local", made(tmp_path, {"seed": 0}), address="here")


def test_a_process_that_dies_costs_its_group_and_no_other(tmp_path):
    """Both as memory that runs out (SIGKILL) and as a crash of native code (SIGSEGV) end it; there is one at a time."""
    settings = {"steps": 200, "checkpoint_every": 20, "measure_every": 100}
    kill, crash, stay = groups = made(tmp_path, {"seed": 0}, {"seed": 1}, {"seed": 2}, **settings)
    deadly = {kill.trials[0].name: signal.SIGKILL, crash.trials[0].name: signal.SIGSEGV}

    phases = []

    def strike(news):
        phases.extend([news.phase] if phases[-1:] != [news.phase] else [])
        if news.step >= 20 and news.trial in deadly:
            (worker,) = workers()
            os.kill(worker, deadly.pop(news.trial))

    outcomes = [news.outcome for news in execute("local", groups, strike)]
    assert outcomes == [KILLED, "its process ended with signal SIGSEGV; run again to resume", "done"]
    assert workers() == []
    # Each process is a new one; the last trial measures twice on the way, and has no test split.
    begun = ["importing jax", "compiling rnn, T = 5", ""]
    assert phases == [*begun * 3, "measuring", "", "measuring", "", "saving", ""]
    stamp = (stay.trials[0].directory / "metrics.jsonl").stat().st_mtime_ns
    assert [news.outcome for news in execute("local", groups, jobs=2)] == ["done"] * 3
    for group in groups:
        records = read_metrics(group.trials[0].directory / "metrics.jsonl")
        assert [record["step"] for record in records] == list(range(0, 201, 2))
    assert (stay.trials[0].directory / "metrics.jsonl").stat().st_mtime_ns == stamp


def test_what_takes_too_long_is_saved_and_the_rest_goes_on(tmp_path, monkeypatch):
    """An hour is over for the driver as soon as the first trial has begun to train."""
    settings = {"checkpoint_every": ENDLESS, "measure_every": ENDLESS}
    (endless,) = made(tmp_path, {"seed": 0}, steps=ENDLESS, **settings)
    (short,) = made(tmp_path, {"cell.name": "gru"})
    hours = []
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600 * len(hours))
    monkeypatch.setattr(local, "time", clock)

    def an_hour_passes(news):
        if news.step == 10 and not hours:
            hours.append(1)

    slow, quick = execute("local", [endless, short], an_hour_passes, timeout=3000.0)
    assert slow.outcome == "timed out after 3000 s; run again to resume"
    assert quick.outcome == "done"
    (saved,) = checkpoints(endless.trials[0])  # which it would have made at the end alone
    assert saved == slow.step == read_metrics(endless.trials[0].directory / "metrics.jsonl")[-1]["step"] > 0
    assert not (endless.trials[0].directory / "FAILED.json").exists()


def test_a_signal_to_the_driver_stops_its_workers_when_they_have_saved(tmp_path, stoppable):
    groups = made(tmp_path, {"seed": 0}, {"seed": 1}, steps=ENDLESS, checkpoint_every=ENDLESS, measure_every=ENDLESS)
    seen = {}

    def stop(news):
        seen[news.trial] = news.step
        if len(seen) == 2 and min(seen.values()) >= 10 and not signals.requested():
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(signals.Interrupted):
        execute("local", groups, stop, jobs=2)
    assert workers() == []
    for group in groups:
        (saved,) = checkpoints(group.trials[0])
        assert saved == seen[group.trials[0].name]


@pytest.mark.slow
def test_a_process_that_hangs_is_killed_in_the_end(tmp_path, stoppable, monkeypatch):
    """One that was stopped by SIGSTOP hears no SIGTERM."""
    monkeypatch.setattr(local, "GRACE", 1.0)

    def hang(news):
        if not signals.requested():
            os.kill(workers()[0], signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(signals.Interrupted):
        execute("local", made(tmp_path, {"seed": 0}, steps=ENDLESS), hang)
    assert workers() == []


@pytest.mark.slow
def test_many_signals_to_a_worker_are_as_good_as_one(tmp_path, stoppable):
    """SLURM, `systemctl stop` and `kill -- -<group>` tell all processes of a sweep; then the driver tells them too."""
    (group,) = made(tmp_path, {"seed": 0}, steps=ENDLESS, checkpoint_every=ENDLESS, measure_every=ENDLESS)

    def stop(news):
        if news.step >= 10 and not signals.requested():
            (worker,) = workers()
            for _ in range(100):  # longer than it takes to save
                processes.send(signal.SIGTERM, [worker])
                processes.send(signal.SIGUSR2, [worker])
                time.sleep(0.005)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(signals.Interrupted):
        execute("local", [group], stop)
    assert len(checkpoints(group.trials[0])) == 1


def test_ctrl_c_while_processes_start_is_answered_by_one_line(tmp_path):
    """Each of them imports jax for seconds before it could ignore a signal by itself."""
    arguments = ("--config=tests/experiments/study_small.py", f"--workdir={tmp_path / 'runs'}", "--jobs=2")
    process = subprocess.Popen(
        **commands.command("sweep", *arguments), stdout=-1, stderr=-1, text=True, start_new_session=True
    )
    with process:
        while len(descendants(process.pid)) < 3:  # a child is multiprocessing's own, the other one is a worker
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert len(errors.strip().splitlines()) == 1


def test_a_worker_goes_on_with_the_program_that_it_has(tmp_path):
    a, b, c, d = made(tmp_path, {"seed": 0}, {"seed": 1}, {"seed": 2}, {"seed": 3})
    todo = [(0, a), (0, b), (1, c), (2, d)]
    new, other = SimpleNamespace(program=-1), SimpleNamespace(program=0)
    assert local._next(todo, other, [other, new]) == (0, a)
    assert local._next(todo, new, [other, new]) == (1, c)  # the longest is of a program that the other one has
    assert local._next(todo[:2], new, [other, new]) == (0, a)


def test_the_last_record_is_found_from_the_end(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"step": step, "curve": [0.5] * (20_000 if step == 3 else 2)}) + "\n" for step in range(5)]
    for count in range(1, 6):
        path.write_text("".join(lines[:count]))
        assert last_record(path) == json.loads(lines[count - 1])
        path.write_text("".join(lines[:count]) + lines[0][:5])  # one is being written
        assert last_record(path) == json.loads(lines[count - 1])
    for text in ("", lines[0][:5], lines[0] + "\x00\x00\n"):
        path.write_text(text)
        assert last_record(path) is None


def test_watching_tells_what_is_new(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.executors._poller.EVERY", 0.0)
    config = SimpleNamespace(cell=SimpleNamespace(name="rnn"), length=16)
    trials = [Trial(name, config, tmp_path / name) for name in ("one", "other")]
    watch = MetricsPoller()

    def news():
        return [(told.trial, told.step, told.loss, told.phase) for told in watch.news(trials)]

    assert news() == []
    trials[0].directory.mkdir()
    (trials[0].directory / "config.json").write_text("{}")
    ((*begun, phase),) = [(trial, step, phase) for trial, step, _, phase in news()]
    assert (begun, phase) == (["one", 0], "compiling rnn, T = 16")
    assert news() == []
    (trials[0].directory / "metrics.jsonl").write_text('{"step": 2, "train/loss": 0.5}\n')
    assert news() == [("one", 2, 0.5, "")]
    assert news() == []
    assert watch.steps == {"one": 2}
