"""A trial on a file of series: what it forecasts at each measurement, and simple predictors beside it at its end."""

import json
import shutil

import numpy as np
import pytest

from experiments import build
from experiments.studies import ending, study
from experiments.trials import forecasts, loop
from experiments.trials.trial import TrialGroup
from rnnx.report.trial import read_trial
from tests.experiments import study_small
from tests.experiments.commands import run as command
from tests.helpers import board_events

pytestmark = pytest.mark.xdist_group("forecasts")  # its trials share their program


def wave(directory, header="day,wave,noise"):
    path = directory / "my.csv"
    noise = np.random.default_rng(0).normal(size=120)
    days = np.datetime64("2026-01-01") + np.arange(120)
    rows = [f"{day},{np.sin(0.5 * t):.6f},{noise[t]:.6f}" for t, day in enumerate(days)]
    path.write_text("\n".join([header, *rows]))
    return path


def resolved(directory, **settings):
    base = study_small.get_config()
    base.diagnostics, base.cell.name, base.learning_rate = (), "gru", 0.01
    base.task.name, base.task.path, base.task.length = "series", str(wave(directory)), 6
    base.task.targets = "wave"
    base.steps, base.measure_every, base.measure_batch_size = 40, 20, 8
    base.update_from_flattened_dict(settings)
    (trial,) = study.resolve(base, [{}], directory / "runs")
    return trial


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    made = resolved(tmp_path_factory.mktemp("forecasts"))
    outcomes = []
    loop.run(TrialGroup((made,), 1), lambda news: outcomes.append(news.outcome))
    assert outcomes[-1] == "done"
    return made


def test_at_each_measurement_a_stretch_that_is_held_out_is_forecast(trial):
    read = read_trial(trial.directory, trial.directory)
    assert list(read.forecasts) == [0, 20, 40]
    (first,), _, (last,) = read.forecasts.values()
    assert (first.name, len(first.at), first.labels[0]) == ("wave", 24, "2026-03-14")  # rows 72 … 95
    np.testing.assert_allclose(first.truth, np.sin(0.5 * np.arange(72, 96)), atol=1e-6)
    assert first.truth == last.truth
    errors = [np.square(np.subtract(one.forecast, one.truth)).mean() for one in (first, last)]
    assert errors[1] < errors[0]
    assert "forecasts" in board_events.read(trial.directory).Tags()["images"]


def test_the_test_split_tells_of_simple_predictors_too(trial):
    told = json.loads((trial.directory / "DONE.json").read_text())
    names = ["loss", "skill", "mae", "rse", "corr"]
    assert list(told["test"]["last"]) == list(told["test"]["best"]) == names
    assert list(told["baselines"]) == ["persistence", "window mean", "AR(6)"]
    assert all(list(numbers) == names for numbers in told["baselines"].values())
    # A wave obeys x_t = 2 cos(.5) x_{t-1} - x_{t-2}; what is left is the six decimals of the file.
    assert told["baselines"]["AR(6)"]["loss"] < 1e-9
    test = np.sin(0.5 * np.arange(96, 120))
    scale = np.sin(0.5 * np.arange(72)).std()
    of_last = np.mean(((test - np.sin(0.5 * np.arange(95, 119))) / scale) ** 2)
    assert told["baselines"]["persistence"]["loss"] == pytest.approx(of_last, rel=1e-4)  # six decimals


def test_they_are_of_what_was_trained_on_though_the_file_be_gone(tmp_path):
    of = resolved(tmp_path).config
    task = build.task(of)
    (tmp_path / "my.csv").unlink()
    assert list(forecasts.baselines(of, task)) == ["persistence", "window mean", "AR(6)"]


def test_at_the_end_they_stand_below_the_network(trial, capsys):
    ending.show(trial.directory, report=False)
    lines = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    at = lines.index("test, T = 6")
    assert lines[at + 1 : at + 5] == ["gru", "persistence", "window mean", "AR(6)"]
    assert any(line.startswith("gru: ") and line.endswith(", by the loss") for line in lines)


def test_where_training_goes_on_from_before_them_forecasts_are_made_again(trial):
    folder = trial.directory / "forecasts"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (trial.directory / "DONE.json").unlink()  # a kill, after which the last checkpoint is lost too
    shutil.rmtree(trial.directory / "checkpoints" / "40")
    (folder / "40.json").write_text("half")
    outcomes = []
    loop.run(TrialGroup((trial,), 1), lambda news: outcomes.append(news.outcome))
    assert outcomes[-1] == "done"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_window_of_the_test_split_is_the_length(tmp_path):
    of = resolved(tmp_path).config
    assert next(iter(build.task(of).test_batches(4))).inputs.shape == (6, 4, 2)


def test_from_the_command_line_with_all_settings_and_nothing_done(tmp_path):
    arguments = [f"--config.task.path={wave(tmp_path)}", "--config.task.name=series", "--config.task.targets=wave"]
    done = command("run", "--config=configs/adding.py", *arguments, "--dry_run")
    assert (done.returncode, done.stderr) == (0, "")
    settings = json.loads(done.stdout)
    assert settings["task"] == {
        "name": "series",
        "length": settings["task"]["length"],
        "path": str(tmp_path / "my.csv"),
        "columns": "",
        "targets": "wave",
        "horizon": 1,
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("--config.task.columns=wvae", "my.csv has no column 'wvae'; did you mean 'wave'?"),
        ("--config.task.length=500", "length must be at most 71, so that a window of so many rows fits in before"),
        ("--config.task.path=other.csv", "there is no file"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_before_anything_is_trained(tmp_path, change, said):
    arguments = ["--config.task.name=series", f"--config.task.path={wave(tmp_path)}", change]
    done = command("run", "--config=configs/adding.py", *arguments, f"--workdir={tmp_path / 'run'}")
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if "importing" not in line]
    assert said in line
