import csv
import json
import os
import shutil

import pytest

from tests.experiments.commands import run
from tests.report.records import write_trial


@pytest.fixture
def workdir(tmp_path):
    for cell, losses in (("rnn", (0.3, 0.1, 0.15)), ("gru", (0.05, 0.07, 0.06))):
        for seed, loss in enumerate(losses):
            write_trial(tmp_path / "study" / f"{cell}{seed}", cell=cell, seed=seed, length=16, loss=loss)
    return tmp_path / "study"


def files(directory):
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_report_is_written_and_written_again(workdir):
    # A platform that jax does not have: had anything been computed with jax, this would fail.
    done = run("report", f"--workdir={workdir}", JAX_PLATFORMS="none_such")
    assert done.returncode == 0, done.stderr
    assert "0.0600" in done.stdout  # held-out loss of the gru
    assert str(workdir / "report" / "index.html") in done.stdout
    written = files(workdir / "report")
    gradient = ("adding", "heat_map_adding", "horizon_adding")
    tasks = (*(f"state_gradient_{name}" for name in gradient), "loss_adding", "headline")
    assert set(written) == {"index.html", "summary.csv", "trials.csv", *(f"figures/{name}.png" for name in tasks)}

    with open(workdir / "report" / "summary.csv", encoding="utf-8", newline="") as file:
        rows = {row["variant"]: row for row in csv.DictReader(file)}
    told = [float(rows["rnn"][f"heldout_loss_{which}"]) for which in ("median", "min", "max")]
    assert told == [0.15, 0.1, 0.3]
    assert rows["rnn"]["gate_mean_after_median"] == ""  # it has no gates

    write_trial(
        workdir / "rnn3", cell="rnn", seed=3, length=16, loss=0.2, status="failed", error="Diverged: at step 21"
    )
    again = run("report", f"--workdir={workdir}")
    assert again.returncode == 0, again.stderr
    rewritten = files(workdir / "report")
    assert rewritten.keys() == written.keys()
    assert b"Diverged: at step 21" in rewritten["index.html"]
    assert b"Diverged: at step 21" not in written["index.html"]


def test_a_report_goes_where_it_is_told_to_and_its_links_lead_to_the_trials(workdir, tmp_path):
    for name in ("config.json", "metrics.jsonl"):  # a run in the directory of a sweep
        shutil.copy(workdir / "rnn0" / name, workdir)
    own = sorted(path.name for path in workdir.iterdir() if (path / "config.json").exists())
    (workdir / "study.json").write_text(json.dumps({"trials": dict.fromkeys(own)}))
    before = files(workdir)
    done = run("report", f"--workdir={workdir}", "--output=~/new/of it", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "holds both a run and a sweep" in " ".join(done.stdout.split())
    assert files(workdir) == before
    page = (tmp_path / "new" / "of it" / "index.html").read_text(encoding="utf-8")
    assert "holds both a run and a sweep" in page
    assert 'href="../../study/rnn0/"' in page
    refused = run("report", f"--workdir={workdir}", f"--output={tmp_path / 'page.html'}")
    assert refused.returncode == 2
    assert "a report is a directory" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: None, "is not a directory"),
        (lambda path: path.mkdir(), "holds no trial"),
        (lambda path: path.write_text(""), "is a file"),
        (lambda path: (write_trial(path), (path / "metrics.jsonl").write_text("{\n"))[0], "line 1"),
    ],
)
def test_a_directory_that_can_not_be_reported_on_gives_one_line(tmp_path, prepare, message):
    prepare(tmp_path / "study")
    done = run("report", f"--workdir={tmp_path / 'study'}")
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("report: ")
    assert message in line


def test_a_directory_that_can_not_be_written_to_gives_one_line(workdir):
    (workdir / "report").write_text("in the way")  # for a root user too, unlike permissions
    done = run("report", f"--workdir={workdir}")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert str(workdir / "report") in line
    assert os.listdir(workdir)  # nothing was removed
    assert (workdir / "report").read_text() == "in the way"
