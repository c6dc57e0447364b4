"""R15: a file that was damaged or made to do harm is refused, and nothing that is read can run a program.

How data sets are refused that are not what they should be stands in `tests/data`; checkpoints in `test_damage`.
"""

import ast
import pickle
import shutil

import pytest

from rnnx import data
from tests.experiments.commands import ROOT, run
from tests.faults import trials
from tests.faults.damage import Bomb

FOLDERS = ("rnnx", "experiments", "configs", "scripts")
TUTORIAL = ROOT / "scripts" / "site" / "notebook.py"
"""What it runs are pages of this repository."""
SOURCES = sorted({path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")} - {TUTORIAL})
UNPICKLING = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "pickletools", "shelve"}
RUNNING = {"eval", "exec", "compile"}


def harmful(source):
    """What in a program could run what it reads: line and name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found = [name.name for name in node.names if name.name.partition(".")[0] in UNPICKLING]
        elif isinstance(node, ast.ImportFrom):
            found = [node.module] if (node.module or "").partition(".")[0] in UNPICKLING else []
        elif isinstance(node, ast.Call):
            found = [node.func.id] if isinstance(node.func, ast.Name) and node.func.id in RUNNING else []
            found += [word.arg for word in node.keywords if word.arg == "allow_pickle" and not _is_false(word.value)]
        else:
            continue
        yield from ((node.lineno, name) for name in found)


def _is_false(value):
    return isinstance(value, ast.Constant) and value.value is False


def test_what_could_run_a_file_is_found():
    """The detector itself."""
    source = """
import numpy, pickle, os.path
from joblib import load
numpy.load("x", allow_pickle=True)
numpy.load("y", allow_pickle=False)
eval("1")
model.eval()
"""
    assert list(harmful(source)) == [(2, "pickle"), (3, "joblib"), (4, "allow_pickle"), (6, "eval")]


def test_nothing_loads_pickles_or_runs_text(survived):
    assert len(SOURCES) > 100
    found = {str(path.relative_to(ROOT)): list(harmful(path.read_text(encoding="utf-8"))) for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}
    survived("R15", "all source searched for ways to run what is read")


def test_a_pickle_in_the_place_of_a_data_set_is_refused(tmp_path, monkeypatch, survived):
    path = tmp_path / data.sources("tinyshakespeare")[0].path
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "loaded")))
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match="is not the expected file"):
        data.get("tinyshakespeare")()
    assert not (tmp_path / "loaded").exists()
    survived("R15", "a pickle in the place of a data set")


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl"])
def test_a_pickle_in_the_place_of_a_record_is_refused_in_one_line(straight, tmp_path, survived, name):
    trial = shutil.copytree(straight, tmp_path / "trial")
    (trial / name).write_bytes(pickle.dumps(Bomb(tmp_path / "loaded")) + b"\n")
    done = run("report", f"--workdir={trial}")
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert name in line
    assert not (tmp_path / "loaded").exists()
    survived("R15", f"a pickle in the place of {name}")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "{"),
        pytest.param("config.json", "\x00" * 100, marks=pytest.mark.slow),
        pytest.param("FAILED.json", "{", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_account_of_a_trial_stops_a_run_in_one_line(straight, tmp_path, survived, name, content):
    """Without it nothing tells whether what is there is of the same settings, so nothing is changed."""
    trial = shutil.copytree(straight, tmp_path / "trial")
    (trial / "DONE.json").unlink()
    (trial / name).write_text(content)
    before = {path: path.stat().st_mtime_ns for path in trial.rglob("*")}
    done = run("run", *trials.ONE, f"--workdir={trial}")
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert f"{trial / name} is damaged" in line
    assert {path: path.stat().st_mtime_ns for path in trial.rglob("*")} == before
    survived("R15", f"a damaged {name}")


def test_a_record_with_steps_missing_is_not_continued(straight, tmp_path, survived):
    """As after a disk that lost what it had said was written: a gap would be silent for ever."""
    trial = shutil.copytree(straight, tmp_path / "trial")
    (trial / "DONE.json").unlink()
    lines = (trial / "metrics.jsonl").read_text().splitlines(keepends=True)
    (trial / "metrics.jsonl").write_text("".join(lines[:100]))
    done = run("run", *trials.ONE, f"--workdir={trial}")
    assert done.returncode == 1, done.stderr
    assert f"metrics.jsonl lacks step {trials.STEPS}, of which there is a checkpoint" in done.stdout
    survived("R15", "a record with its end missing")
