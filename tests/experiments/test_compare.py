"""`experiments.compare` as a user runs it."""

import pytest

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


def test_a_table_and_a_page_and_nothing_in_the_studies(studies, tmp_path):
    one, other = studies
    before = files(one) | files(other)
    output = tmp_path / "new" / "page.html"
    # A platform that jax does not have: had anything been computed with jax, this would fail.
    done = run("compare", str(one), str(other), f"--output={output}", JAX_PLATFORMS="none_such")
    assert done.returncode == 0, done.stderr
    assert files(one) | files(other) == before
    assert "learning_rate" in done.stdout
    lines = done.stdout.splitlines()
    row = lines[next(at for at, line in enumerate(lines) if line.startswith("held-out loss")) + 1]
    assert row.startswith("adding, rnn")
    assert "0.175 (0.100\u2009…\u20090.300)" in row
    assert "0.0550 (0.0400\u2009…\u20090.0700)" in row
    assert "−0.120 (" in row
    assert row.rstrip().endswith(f"lower in {other}")
    assert f"Held-out loss: lower in {other} for adding, rnn at T = 8." in " ".join(done.stdout.split())
    assert done.stdout.splitlines()[-1] == str(output)
    assert "What came out differently" in output.read_text(encoding="utf-8")


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
