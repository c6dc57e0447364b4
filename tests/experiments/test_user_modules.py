"""A user's own cell, model, task, diagnostic and executor, in a folder of their own: swept, analysed, run again."""

import json
import re
import subprocess
import sys

import pytest
from absl import flags

from experiments import cli, executors, user_modules
from experiments.analysis import diagnose
from experiments.config import ConfigError, parse
from experiments.executors import _job
from experiments.studies import study as sweeping
from experiments.trials import provenance, rerun
from rnnx.report import terminal
from tests.experiments.commands import ROOT, command

pytestmark = pytest.mark.xdist_group("user_modules")  # the sweep is made once

# The recipes of CONTRIBUTING, as files of a user's: a cell, and a model without the lines that try it.
RECIPES = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
CELL = next(recipe for recipe in RECIPES if "def mgu(" in recipe)
MODEL = next(recipe for recipe in RECIPES if "class Twice(" in recipe).partition("\n\n\ntask = ")[0]

PIECES = """
import jax.numpy as jnp

import rnnx
from experiments.trials import loop
from own_gated import mgu


def sharp(hidden_size, *, sharpness=1, read=jnp.tanh, forget_bias="none"):
    cell = mgu(hidden_size)
    if sharpness < 0:
        raise RuntimeError("it must cut")
    return cell._replace(read=lambda params, state, x: sharpness * read(state.h))


def needy(hidden_size, *, depth: int):
    return mgu(hidden_size)


def wrong(hidden_size):
    return 3


def stumbling(hidden_size):
    return mgu(hidden_size)._replace(read=lambda params, state, x: state.c, form=None)


def adding_again():
    return rnnx.tasks.get("adding")()._replace(loss_unit="squared error, again")


def tail(flow):
    return {"tail/first": jnp.mean(flow.log10_state_norm[0])}


def bare(flow):
    return 0.0


def here(groups, options, update):
    for group in groups:
        loop.run(group, update)
"""

STUDY = """
from experiments import config


def get_config():
    base = config.default()
    base.cell.hidden_size = 3
    base.model.name = "own_model:Twice"
    base.task.name = "own_pieces:adding_again"
    base.task.length = 5
    base.batch_size = base.measure_batch_size = 4
    base.steps = base.measure_every = base.checkpoint_every = 2
    base.log_every = 1
    base.diagnostics = ("gates", "own_pieces:tail")
    return base
"""

CHOOSY = """
import own_study


def get_config():
    base = own_study.get_config()
    base.cell.name = "own_pieces:sharp"
    base.cell.sharpness = 2
    return base
"""

NAMES = [f"own_pieces.adding_again/own_pieces.sharp,sharpness={n}/T5/seed0" for n in (3, 1)]


def write(folder):
    folder.mkdir()
    files = {"own_study": STUDY, "own_choosy": CHOOSY, "own_pieces": PIECES, "own_gated": CELL, "own_model": MODEL}
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep started from outside the repository, with the study elsewhere still: its workers import them too."""
    folder = write(tmp_path_factory.mktemp("own") / "mine")
    workdir = folder.parent / "runs"
    # The option comes before the name of what has it.
    sweep = "(cell.sharpness,cell.name)=(3,own_pieces:sharp),(1,own_pieces:sharp); seed=0"
    arguments = (f"--config={folder / 'own_study.py'}", f"--workdir={workdir}", f"--sweep={sweep}", "--only=*=3/*")
    given = command("sweep", *arguments, PYTHONPATH=str(ROOT)) | {"cwd": folder.parent}
    done = subprocess.run(**given, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder, workdir


@pytest.fixture
def importable(swept, monkeypatch):
    """As in a process that begins: the modules are not imported yet, nor is their folder on the path."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def record(workdir, name=NAMES[0]):
    return json.loads((workdir / name / "config.json").read_text())


def test_a_sweep_trains_them_and_records_which_they_were(swept):
    folder, workdir = swept
    assert list(json.loads((workdir / "study.json").read_text())["trials"]) == NAMES
    here = record(workdir)
    assert here["config"]["cell"] == {
        "name": "own_pieces:sharp", "hidden_size": 3, "sharpness": 3, "forget_bias": "none"
    }  # fmt: skip
    assert {module: of["file"] for module, of in here["modules"].items()} == {
        "own_pieces": str(folder / "own_pieces.py"),
        "own_model": str(folder / "own_model.py"),
    }
    last = json.loads((workdir / NAMES[0] / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 2
    assert {"first/tail/first", "second/tail/first"} <= last.keys()


def test_checkpoints_are_analysed_by_them_where_they_were(swept, importable, capsys):
    workdir = swept[1] / NAMES[0]
    assert diagnose.measure(workdir, ["own_pieces:tail", "own_pieces:bare"], "latest", 2) == 1
    found = json.loads((workdir / "analysis" / "own_pieces.tail.json").read_text())["values"]
    assert set(found) == {"first/tail/first", "second/tail/first"}
    assert "the diagnostic 'own_pieces:bare' must return a dict of tags, not float" in capsys.readouterr().out


def test_a_report_needs_none_of_them(swept):
    output = swept[1] / "report"
    terminal.report(swept[1], output)
    assert "own_pieces:sharp" in (output / "index.html").read_text()


@pytest.mark.slow
def test_a_trial_is_run_again_with_them_by_an_executor_of_ones_own(swept, importable, tmp_path, capsys, monkeypatch):
    user_modules.make_importable(swept[1], record(swept[1])["modules"])
    monkeypatch.setattr(rerun, "local", executors.get("own_pieces:here"))
    assert rerun.rerun(swept[1] / NAMES[0], tmp_path / "again") == 0
    assert "bit-identical" in capsys.readouterr().out


def test_a_job_of_a_cluster_looks_where_the_command_did(importable, monkeypatch):
    """At the end, in the order that the command has; what is there already stays where it is."""
    before = [*sys.path]
    seen = []
    monkeypatch.setattr(_job, "local", lambda groups, options, update: seen.extend(sys.path))
    _job.run_job(None, 0.0, [], [before[0], "/mine", "/ours"])
    assert seen == [*before, "/mine", "/ours"]


def test_changed_contents_are_told(swept, importable, tmp_path, capsys):
    """On going on, as other data are; in an analysis; and as a reason why two runs differ."""
    there = record(swept[1])
    there["modules"]["own_pieces"]["sha256"] = "another"
    changed = tmp_path / "one"
    changed.mkdir()
    (changed / "config.json").write_text(json.dumps(there))
    (changed / "metrics.jsonl").write_text("")
    user_modules.make_importable(changed, there["modules"])
    (trial,) = diagnose._trials(changed)
    assert re.match(
        r"one: a module has changed since it was trained: own_pieces \(another there, \w{64} here\)\.",
        capsys.readouterr().err,
    )
    with pytest.raises(ConfigError, match=r"one was begun with other contents of a module: own_pieces \(another there"):
        provenance.record(changed / "config.json", trial.config, 1)
    assert re.fullmatch(
        r"modules\.own_pieces \(another there, \w{64} here\)", provenance.differences(there, record(swept[1]))
    )


def test_a_file_that_is_gone_is_told(swept, importable, tmp_path):
    modules = {"own_lost.cells": {"file": str(tmp_path / "own_lost" / "cells.py"), "sha256": ""}}
    with pytest.raises(ConfigError, match=r"^runs/one was made with .*cells\.py, which is not there: .* PYTHONPATH\.$"):
        user_modules.make_importable("runs/one", modules)


@pytest.fixture
def study(swept, importable, monkeypatch):
    """`study("--config.seed=3", …)`: what commands get of a study with overrides."""

    def parsed(*overrides, config="own_study", sweep=None):
        registered = flags.FlagValues()
        for name, value in {"config": str(swept[0] / f"{config}.py"), "sweep": sweep}.items():
            flags.DEFINE_string(name, value, "", flag_values=registered)
        registered(["run"])
        monkeypatch.setattr(flags, "FLAGS", registered)
        monkeypatch.setattr(sys, "argv", ["run", *overrides])
        return cli.study()

    return parsed


def options(settings):
    return dict(parse(settings).cell.options)


def test_options_are_of_the_types_of_their_defaults_in_any_order(study):
    assert options(study(config="own_choosy")[0])["sharpness"] == 2
    sharp = "--config.cell.name=own_pieces:sharp"
    assert options(study("--config.cell.sharpness=3", sharp)[0])["sharpness"] == 3
    # A text, where it is a number of an LSTM's.
    assert options(study("--config.cell.forget_bias=some", sharp)[0])["forget_bias"] == "some"
    # The recipe as it stands.
    given = study("--config.cell.recurrent_initializer=identity", "--config.cell.name=own_gated:mgu")[0]
    assert options(given)["recurrent_initializer"] == "identity"
    assert options(study("--config.cell.depth=3", "--config.cell.name=own_pieces:needy")[0])["depth"] == 3


def test_the_folder_of_a_study_comes_last_on_the_path(study, swept):
    """So a file in it takes the place of no module that is imported later."""
    before = [*sys.path]
    study()
    assert sys.path == [*before, str(swept[0])]


def test_a_sweep_goes_over_ones_own_and_others(study, tmp_path):
    text = "cell.sharpness=1,2 if cell.name=own_pieces:sharp"
    text = f"cell.name=lstm,own_pieces:sharp; {text}; model.name=sequence,own_model:Twice"
    base, module, path = study(sweep=text)
    trials = sweeping.resolve(base, sweeping.points_of(text, base, module, path), tmp_path)
    assert [trial.name.split("/")[1] for trial in trials] == [
        "lstm,model=sequence",
        "lstm,model=own_model.Twice",
        "own_pieces.sharp,sharpness=1,model=sequence",
        "own_pieces.sharp,sharpness=1,model=own_model.Twice",
        "own_pieces.sharp,sharpness=2,model=sequence",
        "own_pieces.sharp,sharpness=2,model=own_model.Twice",
    ]


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        (
            "sharp",
            ["--config.cell.r_max=1"],
            r"cell\.r_max = 1\.0: the cell .* it takes hidden_size, sharpness, forget_bias\.",
        ),
        ("sharp", ["--config.cell.sharpness=-1"], r".* failed: .*own_pieces\.py:12: RuntimeError: it must cut"),
        ("needy", [], r"cell\.depth is missing: the cell 'own_pieces:needy' has no default for it\."),
        ("wrong", [], r"the cell 'own_pieces:wrong' must return a Cell, not int\."),
        ("stumbling", [], r"a trial with own_pieces:stumbling fails: .*own_pieces\.py:25: AttributeError: .* 'c'"),
        ("sharp", ["--config.model.name=own_pieces:tail"], r"model\.flow is missing: the model .* no default for it\."),
        ("sharp", ["--config.task.name=own_pieces:wrong"], r"task\.hidden_size is missing: the task .*"),
        ("sharp", ["--config.diagnostics=own_pieces:bare"], r"the diagnostic 'own_pieces:bare' must return a dict .*"),
        (
            "sharp",
            ["--config.diagnostics=own_pieces:tall"],
            r"no object in own_pieces named 'tall'; did you mean 'tail'.*",
        ),
    ],
)
def test_a_wrong_piece_is_told_in_one_line_before_anything_trains(study, name, overrides, message):
    settings = study(f"--config.cell.name=own_pieces:{name}", *overrides)[0]
    with pytest.raises(ConfigError, match=f"^{message}$"):
        parse(settings)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["--config.cell.name=own_piece:sharp"], "no module named 'own_piece'; did you mean 'own_pieces'?"),
        (
            ["--config.cell.sharpness=x", "--config.cell.name=own_pieces:sharp"],
            "--config.cell.sharpness=x: it must be a whole number.",
        ),
        (["--config.cell.sharpnes=1", "--config.cell.name=own_pieces:sharp"], "did you mean 'cell.sharpness'?"),
    ],
)
def test_a_wrong_flag_ends_the_command(study, capsys, overrides, message):
    with pytest.raises(SystemExit):
        study(*overrides)
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from . import own_pieces\n", ":1: ImportError: attempted relative import with no known parent package; its"),
        ("x = 1\nx +\n", ":2: SyntaxError: invalid syntax"),
        ("\nx = nothing\n", ":2: NameError: name 'nothing' is not defined"),
    ],
)
def test_a_study_that_can_not_be_loaded_is_told_with_the_line(study, swept, capsys, text, reason):
    (swept[0] / "broken.py").write_text(text)
    with pytest.raises(SystemExit):
        study(config="broken")
    (line,) = capsys.readouterr().err.splitlines()
    assert f"broken.py{reason}" in line
