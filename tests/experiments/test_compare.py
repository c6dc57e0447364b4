"""`experiments.compare` as a user runs it."""

import shutil

import pytest

from rnnx.report import terminal
from tests.experiments.commands import run
from tests.report.records import write_trial


@pytest.fixture
def studies(tmp_path):
    for name, losses in (("a", (0.3, 0.1, 0.15, 0.2)), ("b", (0.05, 0.07, 0.06, 0.04))):
        for seed, loss in enumerate(losses):
            rate = {"learning_rate": 0.01 if name == "a" else 0.001}
            write_trial(tmp_path / name / f"rnn{seed}", seed=seed, loss=loss, settings=rate)
    return tmp_path / "a", tmp_path / "b"


def files(directory):
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*")}


def test_what_moved_and_a_page_and_nothing_in_the_studies(studies, tmp_path):
    one, other = studies
    before = files(one) | files(other)
    output = tmp_path / "new" / "page.html"
    # A platform that jax does not have: had anything been computed with jax, this would fail.
    done = run("compare", str(one), str(other), f"--output={output}", JAX_PLATFORMS="none_such")
    assert done.returncode == 0, done.stderr
    assert files(one) | files(other) == before
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["what", "moved", "a", "→", "b", "noise", "difference", "seeds"]
    assert lines[1].startswith("held-out loss: adding, rnn, T = 8")
    assert "0.175 → 0.0550" in lines[1]
    assert "−0.120 (" in lines[1]
    assert lines[1].split()[-1] == "4"
    assert lines[2].startswith("Of 6 numbers in 1 group of trials: 1 of 1 difference can be told from seed noise")
    assert lines[3].endswith("in 1 of 1 groups: adding, rnn at T = 8 (2 of 4 → 4 of 4 seeds).")
    assert lines[4:] == ["Set differently: learning_rate 0.01 → 0.001.", str(output)]
    assert "What moved" in output.read_text(encoding="utf-8")
    assert str(tmp_path) not in output.read_text(encoding="utf-8")


def test_identical_studies_are_one_line(studies, tmp_path, capsys):
    one, _ = studies
    shutil.copytree(one, tmp_path / "other" / "a")
    terminal.compare(one, tmp_path / "other" / "a", tmp_path / "page.html")
    told, _ = capsys.readouterr().out.splitlines()
    assert told == "Nothing moved: all 6 numbers in 1 group of trials are the same at every seed, to the last digit."


def test_too_few_seeds_are_told_in_a_line_and_shifts_below_it(studies, tmp_path, capsys):
    for study in studies:
        for seed in (2, 3):
            shutil.rmtree(study / f"rnn{seed}")
    terminal.compare(*studies, tmp_path / "page.html")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Not judged: 1 difference, of 2 seeds in a and 2 in b. It takes 4 in each;")
    assert lines[1].split() == ["not", "judged", "a", "→", "b", "difference", "seeds"]
    assert lines[2].split()[-3:] == ["0.0600", "−0.140", "2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{a}"], "workdir is missing"),
        (["{a}", "{b}", "{b}"], "unexpected argument"),
        (["{a}", "{a}/../a"], "are the same directory"),
        (["{a}", "{b}x"], "is not a directory; did you mean"),
        (["{a}", "{b}", "--output=page.pdf"], "must end with .html"),
        (["{a}", "{b}", "--output={a}/rnn0/config.json/page.html"], "config.json"),
    ],
)
def test_a_mistake_is_answered_by_one_line(studies, arguments, message):
    one, other = studies
    done = run("compare", *[argument.format(a=one, b=other) for argument in arguments])
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("compare: ")
    assert message in line
