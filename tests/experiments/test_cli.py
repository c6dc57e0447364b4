"""What commands share, within one process: study files from anywhere, paths, and values of flags."""

import json
import sys

import pytest
from absl import flags

from experiments import cli, run, sweep
from experiments.config import parse
from tests.experiments.commands import ROOT

STUDY = """
from __future__ import annotations

from dataclasses import dataclass

import neighbour_of_the_study
from experiments import config


@dataclass
class Size:
    hidden: int = 5


def get_config():
    base = config.default()
    base.cell.hidden_size = Size().hidden
    base.task.length = neighbour_of_the_study.LENGTH
    return base
"""


@pytest.fixture
def given(monkeypatch, tmp_path):
    """`given(config=…)`: the flags of a command, with a home and a working directory that have nothing in them."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for place in ("home", "elsewhere"):
        (tmp_path / place).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "elsewhere")

    def parsed(*overrides, **values):
        registered = flags.FlagValues()
        alone = ("from", "profile", "data_parallel", "coordinator", "processes", "process", "dry_run")
        for name in ("config", "workdir", *alone):
            flags.DEFINE_string(name, values.get(name), "", flag_values=registered)
        flags.DEFINE_bool("report", True, "", flag_values=registered)
        registered(["run"])
        monkeypatch.setattr(flags, "FLAGS", registered)
        monkeypatch.setattr(sys, "argv", ["run", *overrides])

    return parsed


def refused(capsys, what):
    with pytest.raises(SystemExit) as ended:
        what()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_study_has_its_dataclasses_and_its_neighbours_from_anywhere(given, tmp_path):
    home = tmp_path / "home"
    (home / "mine.py").write_text(STUDY)
    (home / "neighbour_of_the_study.py").write_text("LENGTH = 7\n")
    (tmp_path / "elsewhere" / "neighbour_of_the_study.py").write_text("LENGTH = 8\n")
    given("--config.diagnostics=gates, hidden_units", config="~/mine.py", workdir="~/runs/one")
    settings, module, path = cli.study()
    config = parse(settings)
    assert (dict(config.cell.options)["hidden_size"], config.length) == (5, 7)
    assert config.diagnostics == ("gates", "hidden_units")
    assert path == home / "mine.py"
    assert module.Size(3).hidden == 3
    assert cli.workdir() == home / "runs" / "one"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gates,lyapunov", ("gates", "lyapunov")),
        ("gates", ("gates",)),
        ("", ()),
        ("('gates','lyapunov')", ("gates", "lyapunov")),
        ("'gates','lyapunov'", ("gates", "lyapunov")),
    ],
)
def test_a_list_is_read_as_analyze_reads_it(given, text, names):
    given(f"--config.diagnostics={text}", config=str(ROOT / "configs" / "adding.py"))
    assert cli.study()[0].diagnostics == names


def test_configs_are_listed_from_anywhere(given, capsys):
    for name in ("configs/Ading.py", "ading.py", str(ROOT / "ading.py")):
        given(config=name)
        line = refused(capsys, cli.config_file)
        assert f"did you mean '{ROOT / 'configs' / 'adding.py'}'?" in line
        assert str(ROOT / "configs" / "clipping.py") in line.partition("Known: ")[2]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("base.learnig_rate = 0.5", "did you mean 'learning_rate'?"),
        ("base.cell.hiden_size = 5", "did you mean 'hidden_size'?"),
        ("base.unlock().batch_sise = 3", "did you mean 'batch_size'?"),
        ("base.seed = 'x'", "get_config() failed: TypeError"),
        ("base = None", "a config is what config.default() returns"),
    ],
)
def test_settings_of_a_study_that_there_are_not_are_named(given, tmp_path, capsys, body, said):
    study = tmp_path / "study.py"
    lines = ("def get_config():", "base = config.default()", body, "return base")
    study.write_text("from experiments import config\n" + "\n    ".join(lines) + "\n")
    given("--config.batch_sise=3", config=str(study))
    line = refused(capsys, cli.study)
    assert line.startswith(f"run: --config={study}: ") or "batch_sise" in line
    assert said in line


def test_a_dry_run_of_a_trial_prints_its_settings_and_writes_nothing(given, tmp_path, capsys):
    given("--config.cell.name=gru", config=str(ROOT / "configs" / "adding.py"), dry_run="yes")
    assert run.main() == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["cell"]["name"], printed["steps"]) == ("gru", 1000)
    assert printed == parse(cli.study()[0]).to_dict()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("main", "file", "said"),
    [(run.main, "study.json", "holds a sweep: choose another"), (sweep.main, "config.json", "holds a single trial")],
)
def test_a_trial_and_a_sweep_do_not_go_into_one_workdir(given, capsys, tmp_path, main, file, said):
    (tmp_path / "elsewhere" / file).write_text("{}")
    given(config=str(ROOT / "configs" / "gradient_flow.py"), workdir=".")
    assert said in refused(capsys, main)


def test_a_trial_does_not_go_into_the_middle_of_a_sweep(given, capsys, tmp_path):
    """Where it would be taken for one of the sweep's; one that is there is resumed."""
    (tmp_path / "elsewhere" / "study.json").write_text("{}")
    given(config=str(ROOT / "configs" / "gradient_flow.py"), workdir="adding/mine")
    assert f"lies in that of a sweep, {tmp_path / 'elsewhere'}: choose another" in refused(capsys, run.main)


def test_a_trial_is_called_by_its_directory(given, monkeypatch):
    given(config=str(ROOT / "configs" / "adding.py"), workdir=".")
    called = []
    monkeypatch.setattr("experiments.studies.study.execute", lambda trials, *_, **__: called.extend(trials) or 0)
    monkeypatch.setattr("experiments.studies.ending.show", lambda *_, **__: None)
    assert run.main() == 0
    assert [trial.name for trial in called] == ["elsewhere"]
