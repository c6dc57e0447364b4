import pytest

from rnnx.report import study, summary, terminal
from tests.report.records import write_trial


@pytest.fixture
def printed(tmp_path, monkeypatch, capsys):
    """What is printed in a terminal of 80 columns."""
    for task in ("adding", "characters (corpus shakespeare)"):
        for length in (16, 128):
            for bias in (0.0, 1.0):
                where = tmp_path / task / f"{length}{bias}"
                settings = {"cell.forget_bias": bias}
                write_trial(where, cell="lstm", task=task, length=length, settings=settings, slopes=(-0.079, -0.066))
    for name, value in {"COLUMNS": "80", "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    terminal._print_summary(summary.rows(study.read(tmp_path)))
    return capsys.readouterr().out.splitlines()


def test_a_row_is_a_line_at_80_columns(printed):
    assert max(map(len, printed)) <= 80
    rows = [line for line in printed if "lstm (forget bias" in line]
    assert len(rows) == 8
    assert all("−0.079 → −0.066" in row and "0.100" in row for row in rows)
    assert [row.split()[0] for row in rows] == ["16", "lstm", "128", "lstm"] * 2  # a length is said once


def test_a_task_has_a_table_of_its_own_with_the_loss_without_memory(printed):
    assert [line.strip() for line in printed if "without memory" in line and ":" in line][:2] == [
        "adding: mean squared error; without memory 0.200",
        "characters (corpus shakespeare): mean squared error; without memory 0.200",
    ]
