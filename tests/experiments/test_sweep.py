"""Sweeps: which trials there are, and that a finished one is not run again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from experiments import config
from experiments.config import ConfigError
from experiments.studies import names as naming
from experiments.studies import study as sweeping
from experiments.trials.recorder import write_row
from rnnx.logbook import read_metrics
from rnnx.report.metrics import FINAL_TAGS
from tests.experiments.commands import command, run
from tests.helpers import board_events, hparams
from tests.report.records import write_trial

SMALL = "--config=tests/experiments/study_small.py"


def names(tmp_path, overrides):
    return [trial.name for trial in sweeping.resolve(config.default(), overrides, tmp_path)]


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


def test_names_of_odd_values_are_unique_and_safe_as_paths(tmp_path):
    # :g writes the first two alike.
    rates = [{"learning_rate": rate} for rate in (1e-4, 1.0000001e-4, 1 / 3, 5e-324)]
    assert [name.split("/")[1] for name in names(tmp_path, rates)] == [
        "lstm,learning_rate=0.0001",
        "lstm,learning_rate=0.00010000001",
        "lstm,learning_rate=0.333333",
        "lstm,learning_rate=4.94066e-324",
    ]
    policies = [{"cell.recurrent_initializer": policy} for policy in ("sparse(15, 0.95)", "sparse(15,0.9)")]
    assert names(tmp_path, policies)[0] == "adding/lstm,recurrent_initializer=sparse(15,0.95)/T64/seed0"
    given = [{"task.corpus": text} for text in ("a/b c", "a_b c", "../..", "ü", "a, b", "a,b", "%2F")]
    unsafe = naming.names(given, [config.parse(config.default())] * len(given))
    assert len(set(unsafe)) == len(unsafe)
    for name in unsafe:
        assert re.fullmatch(r"adding/lstm,corpus=[-\w.,%]+/T64/seed0", name, re.ASCII), name


def test_names_of_fields_with_one_last_part_are_told_apart(tmp_path):
    given = [{"cell.size": 1}, {"task.size": 1}, {"cell.size": 2}, {"task.size": 2}]
    assert naming.names(given, [config.parse(config.default())] * 4)[:2] == [
        "adding/lstm,cell.size=1/T64/seed0",
        "adding/lstm,task.size=1/T64/seed0",
    ]


def test_names_that_are_too_long_for_a_directory_are_cut_and_stay_unique(tmp_path):
    given = [{"task.corpus": "x" * 300 + end} for end in "abc"]
    found = naming.names(given, [config.parse(config.default())] * 3)
    assert len(set(found)) == 3
    for name in found:
        (tmp_path / name).mkdir(parents=True)


def test_equal_settings_are_refused_however_they_are_written(tmp_path):
    with pytest.raises(ConfigError, match="two trials with the same settings: adding/lstm/T64/seed0 and"):
        names(tmp_path, [{}, {"cell.forget_bias": 1.0}, {"cell.forget_bias": 0.0}])
    with pytest.raises(ConfigError, match="same settings are there twice"):
        names(tmp_path, [{"seed": 1}, {"seed": 1}])


def test_the_trial_of_a_setting_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no such option.*In the trial of cell\.name=gru, cell\.forget_bias=0\."):
        names(tmp_path, [{"cell.name": "gru", "cell.forget_bias": 0.0}])


def test_patterns_select_trials_by_name(tmp_path):
    trials = sweeping.resolve(
        config.default(), [{"cell.name": c, "seed": s} for c in ("rnn", "gru") for s in (0, 1)], tmp_path
    )

    def selected(only=(), skip=()):
        return [trial.name for trial in sweeping.select(trials, only, skip)]

    assert selected() == [trial.name for trial in trials]
    assert selected(only=["*/seed1", "adding/rnn/T64/seed0"]) == [
        "adding/rnn/T64/seed0",
        "adding/rnn/T64/seed1",
        "adding/gru/T64/seed1",
    ]
    assert selected(only=["*/rnn/*"], skip=["*/seed0"]) == ["adding/rnn/T64/seed1"]
    with pytest.raises(ConfigError, match=r"matches 'adding/run/T64/seed0'; there are adding/rnn/T64/seed0"):
        selected(only=["adding/run/T64/seed0"])
    with pytest.raises(ConfigError, match="matches 'RNN'; there are adding/rnn/T64/seed0"):
        selected(skip=["RNN"])
    with pytest.raises(ConfigError, match="leave none of the 4 trials"):
        selected(only=["*rnn*"], skip=["*rnn*"])


def test_every_override_of_the_committed_studies_is_valid(tmp_path):
    from configs import gradient_flow

    overrides = [o for o in gradient_flow.sweep() if o["task.name"] == "adding"]
    trials = sweeping.resolve(gradient_flow.get_config(), overrides, tmp_path)
    assert len(trials) == len(set(trials)) == 4 * 4 * 5
    assert {trial.config.cell.name for trial in trials} == {"rnn", "lstm", "gru"}


def test_numbers_of_numpy_make_the_same_trials(tmp_path):
    plain, numpy = (
        sweeping.points_of(None, config.default(), SimpleNamespace(sweep=lambda points=points: points), None)
        for points in (
            [{"seed": 0, "learning_rate": 0.5}, {"seed": 1, "cell.name": "rnn"}],
            [
                {"seed": np.int64(0), "learning_rate": np.float32(0.5)},
                {"seed": np.uint8(1), "cell.name": np.str_("rnn")},
            ],
        )
    )
    assert repr(sweeping.resolve(config.default(), plain, tmp_path)) == repr(
        sweeping.resolve(config.default(), numpy, tmp_path)
    )


def test_a_flag_that_the_sweep_sets_otherwise_is_not_passed_over_in_silence():
    flag = {"--config.seed=3": "seed"}
    with pytest.raises(
        ConfigError, match=r"^--config\.seed=3 would hold for no trial: the sweep sets seed in each \(0, 1\)"
    ):
        list(sweeping.overridden(flag, [{"seed": 0}, {"seed": 1}]))
    (note,) = sweeping.overridden(flag, [{"seed": 0}, {}])
    assert note == "--config.seed=3 does not hold for 1 of 2 trials: the sweep sets seed (0)."
    assert list(sweeping.overridden(flag, [{"cell.name": "rnn"}])) == []


def test_a_sweep_grows_and_what_is_there_keeps_its_name(tmp_path):
    def swept(*points, **settings):
        base = config.default()
        base.update(settings)
        return sweeping.recorded(tmp_path, sweeping.resolve(base, list(points), tmp_path))

    def named(*points, **settings):
        return [trial.name for trial in swept(*points, **settings)]

    def written():
        return json.loads((tmp_path / "study.json").read_text())

    one, two = {"seed": 0, "objective.omega": 0.0}, {"seed": 1, "objective.omega": 0.0}
    sweeping.record(tmp_path, "study", swept(one, two))
    more = swept(one, {"seed": 1, "objective.omega": 2.0}, two)
    assert [trial.name for trial in more] == [
        "adding/lstm/T64/seed0",
        "adding/lstm,omega=2/T64/seed1",
        "adding/lstm/T64/seed1",
    ]
    assert all(trial.directory == tmp_path / trial.name for trial in more)
    sweeping.record(tmp_path, "another", more)
    assert written() == {"study": "study", "trials": {trial.name: trial.config.to_dict() for trial in more}}
    stamp = (tmp_path / "study.json").stat().st_mtime_ns
    sweeping.record(tmp_path, "study", more)
    assert (tmp_path / "study.json").stat().st_mtime_ns == stamp

    points = [one, {"seed": 1, "objective.omega": 2.0}, two]
    assert named(*points, steps=2000) == [trial.name for trial in more]
    sweeping.record(tmp_path, "study", swept(*points, steps=2000))
    assert {settings["steps"] for settings in written()["trials"].values()} == {2000}
    with pytest.raises(ConfigError, match=r"there but not here: adding/lstm/T64/seed1; .* not there: .*seed7"):
        named(*points[:2], {"seed": 7}, steps=2000)
    with pytest.raises(ConfigError, match=r"holds another sweep: .*steps \(2000 there, 1000 here\)"):
        named(one, two)
    base = config.default()
    base.steps = 2000
    with pytest.raises(ConfigError, match="has just been changed by another process"):
        sweeping.record(tmp_path, "study", sweeping.resolve(base, points, tmp_path))


def test_a_name_that_tells_of_the_steps_stays_true(tmp_path):
    base = config.default()
    sweeping.record(tmp_path, "study", sweeping.resolve(base, [{"steps": 1000}, {"steps": 2000}], tmp_path))
    names = [
        trial.name
        for trial in sweeping.recorded(
            tmp_path, sweeping.resolve(base, [{"steps": steps} for steps in (1000, 2000, 4000)], tmp_path)
        )
    ]
    assert names == [f"adding/lstm,steps={steps}/T64/seed0" for steps in (1000, 2000, 4000)]
    with pytest.raises(ConfigError, match="trials there but not here: adding/lstm,steps=1000/T64/seed0"):
        sweeping.recorded(tmp_path, sweeping.resolve(base, [{"steps": 2000}, {"steps": 4000}], tmp_path))


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
    first = run("sweep", SMALL, f"--workdir={workdir}", "--jobs=2", "--report")
    assert first.returncode == 0, first.stderr
    assert re.search(r"^4 of 4 trials are done, in 0:\d\d:\d\d\.$", first.stdout, re.MULTILINE)
    assert f"\nreport       {workdir}/report/index.html\n" in first.stdout
    assert (workdir / "report" / "index.html").exists()
    trial = workdir / "adding" / "lstm" / "T5" / "seed1"
    assert [record["step"] for record in read_metrics(trial / "metrics.jsonl")] == list(range(0, 61, 2))
    assert json.loads((trial / "config.json").read_text())["config"]["seed"] == 1
    assert json.loads((trial / "DONE.json").read_text())["steps"] == 60
    assert list(trial.glob("events.out.tfevents.*"))
    shown = hparams.page(workdir)
    assert [row.status for row in shown.rows] == ["STATUS_SUCCESS"] * 4
    assert shown.columns.keys() == {"cell.name", "seed"}  # not what goes with a cell by itself
    view = board_events.read(workdir / "_study")
    assert b"4 of 4 trials are done." in view.Tensors("findings/text_summary")[-1].tensor_proto.string_val[0]
    assert [event.step for event in view.Images("all_cells/adding/T5")] == [4]
    assert re.search(rf"^TensorBoard  \S+ -m experiments.board {workdir}$", first.stdout, re.MULTILINE)
    (workdir / "study.lock").unlink()
    stamps = {path: path.stat().st_mtime_ns for path in workdir.rglob("*.*")}

    again = run("sweep", SMALL, f"--workdir={workdir}", "--report")
    assert again.returncode == 0
    assert again.stdout.startswith("all 4 trials are done.\n")
    assert {path: path.stat().st_mtime_ns for path in workdir.rglob("*.*") if path.name != "study.lock"} == stamps

    other = run("sweep", SMALL, f"--workdir={workdir}", "--config.learning_rate=0.5")
    assert other.returncode == 2
    assert "learning_rate (0.003 there, 0.5 here)" in other.stderr
    one = run("run", SMALL, f"--workdir={trial}", "--config.batch_size=5", "--config.seed=1")
    assert one.returncode == 2
    assert "batch_size (4 there, 5 here)" in one.stderr


def test_a_study_that_grows_gives_the_columns_of_new_trials_to_those_that_are_there(tmp_path):
    """What varied in no trial before is a column of all of them, with a dash where there is none."""
    base = config.default()
    points = [{"cell.name": name} for name in ("rnn", "lstm")]
    old = sweeping.resolve(base, points, tmp_path)
    sweeping.record(tmp_path, "study", old)
    for trial in old:
        write_trial(trial.directory)
        write_row(trial.directory, trial.config.to_dict(), [one.config.to_dict() for one in old])
    assert hparams.page(tmp_path).columns.keys() == {"cell.name"}
    grown = sweeping.resolve(base, [*points, {"cell.name": "lstm", "cell.forget_bias": 0.0}], tmp_path)
    sweeping.record(tmp_path, "study", sweeping.recorded(tmp_path, grown))
    shown = hparams.page(tmp_path)
    assert shown.columns.keys() == {"cell.name", "cell.forget_bias"}
    assert [row.settings["cell.forget_bias"] for row in shown.rows] == ["1", "–"]  # the lstm, and the rnn
    assert shown.domains["cell.forget_bias"] == ["0", "1", "–"]


def test_the_columns_of_a_study_tell_of_every_part_once_a_trial_has_begun(tmp_path):
    base = config.default()
    base.model.layers = 2
    trials = sweeping.resolve(base, [{"cell.name": name} for name in ("rnn", "lstm")], tmp_path)
    assert sweeping.shown_in_the_end(trials) == FINAL_TAGS
    write_trial(trials[0].directory, extra={f"layer{i}/state_gradient/state/reach": 3.0 for i in (0, 1)})
    assert "layer1/state_gradient/state/reach" in sweeping.shown_in_the_end(trials)


@pytest.mark.slow  # as in trials/test_groups.py, and with faults
def test_a_trial_that_diverges_fails_alone(tmp_path):
    """A learning rate of 1e38 makes the parameters infinite at the first step, and would again: it is not tried."""
    workdir = tmp_path / "runs"
    arguments = (SMALL, f"--workdir={workdir}", "--jobs=1", "--sweep=cell.name=rnn;learning_rate=1e38,1e-3")
    done = run("sweep", *arguments)
    assert done.returncode == 1
    assert "1 of 2 trials are done" in done.stdout
    failed = workdir / "adding" / "rnn,learning_rate=1e+38" / "T5" / "seed0"
    assert "not finite at step 2" in json.loads((failed / "FAILED.json").read_text())["error"]
    assert not (failed / "DONE.json").exists()
    assert all(record["step"] < 2 for record in read_metrics(failed / "metrics.jsonl"))
    assert (workdir / "adding" / "rnn,learning_rate=0.001" / "T5" / "seed0" / "DONE.json").exists()

    stamps = {path: path.stat().st_mtime_ns for path in failed.rglob("*")}
    again = run("sweep", *arguments)
    assert again.returncode == 1
    assert "not finite at step 2 (before, and it would again; delete its FAILED.json to try)" in again.stdout
    assert "What may help, in another --workdir: --config.learning_rate=0.003 (now 1e+38)." in again.stdout
    assert "1 of 2 trials are done" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in failed.rglob("*")} == stamps


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_its_trial_only_and_that_resumes(tmp_path):
    """A real SIGKILL, as the kernel sends when memory runs out."""
    workdir = tmp_path / "runs"
    lasting = ("--config.steps=1000", "--config.checkpoint_every=50", "--config.measure_every=1000")
    arguments = (SMALL, f"--workdir={workdir}", "--jobs=2", "--sweep=cell.name=rnn,lstm", *lasting)
    process = subprocess.Popen(**command("sweep", *arguments), stdout=subprocess.PIPE, text=True)
    trial = workdir / "adding" / "rnn" / "T5" / "seed0"
    deadline = time.monotonic() + 120
    while not list(trial.glob("checkpoints/[0-9]*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    (worker,) = {name.split(".")[-2] for name in os.listdir(trial) if re.match(r"events\.out.*\d$", name)}
    os.kill(int(worker), signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "adding/rnn/T5/seed0 failed: its process was killed; run again to resume" in output
    assert (workdir / "adding" / "lstm" / "T5" / "seed0" / "DONE.json").exists()
    again = run("sweep", *arguments)
    assert again.returncode == 0, again.stderr
    assert "2 of 2 trials are done" in again.stdout
    steps = [record["step"] for record in read_metrics(trial / "metrics.jsonl")]
    assert steps == list(range(0, 1001, 2))


@pytest.mark.slow
def test_patterns_leave_the_record_whole(tmp_path):
    workdir = tmp_path / "runs"
    arguments = (SMALL, f"--workdir={workdir}", "--config.steps=10")
    some = run("sweep", *arguments, "--only=*/rnn/*", "--skip=*/seed1")
    assert some.returncode == 0, some.stderr
    assert "1 of 1 trials are done" in some.stdout
    assert len(json.loads((workdir / "study.json").read_text())["trials"]) == 4
    assert [path.parent.name for path in workdir.rglob("DONE.json")] == ["seed0"]
    planned = run("sweep", *arguments, "--dry_run")
    assert "3 of 4 trials to do" in planned.stdout
    assert [line.split()[0] for line in planned.stdout.splitlines() if line.rstrip().endswith("done")] == [
        "adding/rnn/T5/seed0"
    ]


def test_a_dry_run_tells_what_there_is_to_do_and_writes_nothing(tmp_path):
    workdir, cache = tmp_path / "runs", tmp_path / "cache"
    done = run("sweep", SMALL, f"--workdir={workdir}", "--dry_run", RNNX_CACHE_DIR=str(cache))
    assert done.returncode == 0, done.stderr
    heading, *rows, total = done.stdout.splitlines()
    assert heading.split() == ["trial", "steps", "parameters", "FLOPs", "time", "state"]
    # 2 inputs, 4 units, 1 output: W, U, b and the readout; (6 (2·4 + 4·4 + 4) - 2 · 2·4) · T · B · steps: data need
    # no gradient. That of an LSTM has 4 times the gates.
    assert rows[0].split() == ["adding/rnn/T5/seed0", "60", "33", "182", "k"]
    assert len(rows) == 4
    assert total.startswith("4 of 4 trials to do, 1.65 M FLOPs")
    assert "because no finished trial of this workdir has recorded its speed" in total
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["study.lock", pytest.param("adding/rnn/T5/seed0/trial.lock", marks=pytest.mark.slow)])
def test_what_another_process_writes_is_left_to_it(tmp_path, name):
    """A real second process holds the lock; it ends, and the lock is free."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    hold = (
        "import pathlib, sys; from experiments.trials import lock\n"
        "with lock.held(pathlib.Path(sys.argv[1])): print('held', flush=True); input()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert owner.stdout.readline() == "held\n"
        refused = run("sweep", SMALL, f"--workdir={tmp_path}")
        assert refused.returncode == 2
        assert f"process {owner.pid}" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        assert not list(tmp_path.rglob("config.json"))
    finally:
        owner.kill()
        owner.communicate()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--timeout=nan"], "--timeout must be a finite number, not nan"),
        (["--executor_options=a=1,a=2"], "a is there twice"),
    ],
)
def test_a_flag_that_cannot_be_used_is_answered_by_one_line(tmp_path, arguments, message):
    workdir = tmp_path / "runs"
    done = run("sweep", SMALL, f"--workdir={workdir}", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not workdir.exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [("return 1 / 0", "sweep() failed: ZeroDivisionError: division by zero"), ("return None", "must return a list of")],
)
def test_a_sweep_of_a_study_that_is_broken_is_named(tmp_path, body, message):
    study = tmp_path / "study.py"
    study.write_text(f"from experiments import config\nget_config = config.default\ndef sweep():\n    {body}\n")
    done = run("sweep", f"--config={study}", f"--workdir={tmp_path / 'runs'}")
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
