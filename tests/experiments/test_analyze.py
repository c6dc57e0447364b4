"""Measuring checkpoints: in float64, on the trial's own parameters and examples, once."""

import json
import re

import jax
import numpy as np
import pytest

from experiments import config
from experiments.analysis import checkpoints, diagnose
from experiments.trials import loop, trial
from experiments.trials.trial import Trial
from rnnx.logbook import read_metrics
from rnnx.report.figures._style import png
from rnnx.types import Histogram
from tests.experiments import study_small
from tests.experiments.commands import run
from tests.helpers import board_events

pytestmark = pytest.mark.xdist_group("analyze")  # its trials are made once


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """Two trials that are finished and one that has not begun."""
    directory = tmp_path_factory.mktemp("study")
    for name in ("rnn", "lstm", "gru"):
        given = study_small.get_config()
        given.cell.name, given.steps = name, 10
        made = Trial(name, config.parse(given), directory / name)
        if name != "gru":
            loop.run(trial.TrialGroup((made,), 1), lambda news: None)
        else:
            made.directory.mkdir()
            (made.directory / "config.json").write_text(json.dumps({"config": made.config.to_dict()}))
    return directory


def small(workdir, name):
    given = study_small.get_config()
    given.cell.name, given.steps = name, 10
    return Trial(name, config.parse(given), workdir / name)


@pytest.mark.parametrize(("checkpoint", "step"), [("initial", 0), ("latest", 10)])
def test_it_is_what_training_measured_but_in_double_precision(workdir, checkpoint, step):
    chosen = small(workdir, "lstm")
    subject = checkpoints.subject(chosen, checkpoint, examples=4)
    assert subject.step == step
    (record,) = (r for r in read_metrics(workdir / "lstm" / "metrics.jsonl") if r["step"] == step)
    finer = []
    for name in ("weight_gradient", "state_gradient"):
        for tag, value in checkpoints.measure(subject, name).items():
            if not isinstance(value, Histogram):
                assert value.dtype == np.float64
                # float32 rounds at 6e-8, times some tens of operations in each of 5 steps.
                np.testing.assert_allclose(record[tag], value, rtol=1e-4, atol=1e-5, err_msg=tag)
                finer.append(np.any(np.isfinite(value) & (np.float32(value) != value)))
    assert sum(finer) > 6, "most of them are numbers that float32 does not have"
    assert not jax.config.jax_enable_x64, "nothing else is computed in double precision"


def test_examples_are_the_first_of_those_of_the_trial(workdir):
    chosen = small(workdir, "rnn")
    all_four, two = (checkpoints.subject(chosen, "initial", examples).batch for examples in (9, 2))
    assert all_four.inputs.shape[1] == 4
    np.testing.assert_array_equal(two.inputs, all_four.inputs[:, :2])
    np.testing.assert_array_equal(two.weights, all_four.weights[:, :2])


def test_a_study_is_measured_once(workdir):
    arguments = (f"--workdir={workdir}", "--diagnostics=lyapunov,weight_gradient")
    done = run("analyze", *arguments)
    assert done.returncode == 0, done.stderr
    assert "4/4 rnn: weight_gradient: done" in done.stdout
    assert re.search(r"lyapunov.*\n.*largest.*log10_norm.*\n(.*\n)*│ rnn +│ +-?\d", done.stdout), done.stdout
    assert not (workdir / "gru" / "analysis").exists()
    content = json.loads((workdir / "rnn" / "analysis" / "lyapunov.json").read_text())
    assert {field: content[field] for field in ("step", "precision", "examples")} == {
        "step": 10,
        "precision": "float64",
        "examples": 4,
    }
    assert len(content["values"]["lyapunov/spectrum"]) == 4
    assert content["values"]["lyapunov/spectrum"][0] == content["values"]["lyapunov/largest"]
    assert (workdir / "rnn" / "analysis" / "lyapunov.png").read_bytes().startswith(b"\x89PNG")
    stamps = {path: path.stat().st_mtime_ns for path in workdir.rglob("*")}

    again = run("analyze", *arguments)
    assert again.returncode == 0, again.stderr
    assert "4/4 rnn: weight_gradient: already there" in again.stdout
    assert again.stdout.partition("step 10")[2] == done.stdout.partition("step 10")[2] != ""
    assert {path: path.stat().st_mtime_ns for path in workdir.rglob("*")} == stamps
    shown = board_events.read(workdir / "rnn")
    assert board_events.steps(workdir / "rnn", "analysis/lyapunov/largest") == [10]
    assert [event.step for event in shown.Images("analysis/lyapunov/figure")] == [10]

    fewer = run("analyze", f"--workdir={workdir / 'rnn'}", "--diagnostics=lyapunov", "--examples=2")
    assert "1/1 rnn: lyapunov: done" in fewer.stdout, fewer.stderr
    initial = run("analyze", f"--workdir={workdir / 'rnn'}", "--diagnostics=lyapunov", "--checkpoint=initial")
    assert "1/1 rnn: lyapunov: done" in initial.stdout, initial.stderr
    for path, step, examples in (("analysis", 10, 2), ("analysis/initial", 0, 4)):
        content = json.loads((workdir / "rnn" / path / "lyapunov.json").read_text())
        assert (content["step"], content["examples"]) == (step, examples)


def test_trajectories_are_the_states_and_go_to_the_projector(workdir):
    done = run("analyze", f"--workdir={workdir / 'lstm'}", "--diagnostics=trajectories", "--examples=3")
    assert done.returncode == 0, done.stderr
    values = json.loads((workdir / "lstm" / "analysis" / "trajectories.json").read_text())["values"]
    assert (workdir / "lstm" / "analysis" / "trajectories.png").exists()
    assert np.shape(values["trajectories/states"]) == (6, 3, 8)  # s_0 … s_5, h and c of 4 units
    np.testing.assert_array_equal(values["trajectories/states"][0], 0)
    vectors = (workdir / "lstm" / "projector" / "states" / "vectors.tsv").read_text().splitlines()
    np.testing.assert_allclose([float(v) for v in vectors[-1].split()], values["trajectories/states"][-1][-1])
    rows = (workdir / "lstm" / "projector" / "states" / "labels.tsv").read_text().splitlines()
    assert rows[0].split("\t") == ["step", "example", "lag", "marked", "read", "target", "__seq_next__"]
    assert rows[-1].split("\t")[:3] == ["5", "2", "0"]
    assert sum(row.split("\t")[3] == "True" for row in rows[1:]) == 2 * 3  # of each example two numbers are marked
    assert [row.split("\t")[-1] for row in rows[1:4]] == ["3", "4", "5"]  # the same examples a step later
    assert rows[-1].endswith("\t")  # where a path ends


@pytest.mark.slow
def test_each_part_of_a_model_is_measured_from_the_command_line(tmp_path):
    given = study_small.get_config()
    given.cell.name, given.diagnostics, given.steps = "rnn", (), 2
    given.model.layers, given.model.bidirectional = 2, True
    made = Trial("deep", config.parse(given), tmp_path / "deep")
    loop.run(trial.TrialGroup((made,), 1), lambda news: None)
    done = run("analyze", f"--workdir={tmp_path}", "--diagnostics=trajectories", "--examples=3")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "deep" / "projector").iterdir()) == [
        f"layer{layer}-{direction}-states" for layer in (0, 1) for direction in ("backward", "forward")
    ]


@pytest.mark.parametrize(
    ("below", "arguments", "message"),
    [
        (".", [], "--diagnostics is missing: one or several of "),
        (".", ["--diagnostics=lyapunov,lyapunv"], "no diagnostic named 'lyapunv'; did you mean 'lyapunov'?"),
        (".", ["--diagnostics=gates", "--examples=0"], "--examples must be at least 1, not 0"),
        ("gru", ["--diagnostics=gates"], "has no checkpoint yet; --checkpoint=initial measures it before training"),
        ("rnn/checkpoints", ["--diagnostics=gates"], "holds no trial"),
    ],
)
def test_a_mistake_is_answered_by_one_line(workdir, below, arguments, message):
    done = run("analyze", f"--workdir={workdir / below}", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_a_picture_says_whose_it_is_from_the_study_and_from_the_trial(workdir, monkeypatch, capsys):
    drawn = []
    monkeypatch.setattr(diagnose, "png", lambda figure, **options: drawn.append(figure.get_suptitle()) or png(figure))
    for directory, examples in ((workdir / "lstm", 3), (workdir, 2)):  # of other examples it is measured anew
        assert diagnose.measure(directory, ["hidden_units"], "latest", examples) == 0
        capsys.readouterr()
    title = "LSTM, adding, T = 5, seed 0, step 10: distribution of the outputs (float64)"
    assert [one.replace("\n", " ") for one in drawn].count(title) == 4, drawn  # for the file and TensorBoard, twice
