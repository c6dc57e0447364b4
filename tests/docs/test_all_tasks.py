"""The table of all tasks: what stands in a row is what the record says."""

import json

import pytest

import rnnx
from rnnx.report import study
from rnnx.report.figures import _style
from scripts.all_tasks import page as pages
from scripts.all_tasks.__main__ import main
from scripts.all_tasks.groups import HEADINGS, done
from scripts.all_tasks.picture import picture
from tests.report.records import write_trial


def row(page, task, network):
    (found,) = [line for line in page.splitlines() if line.startswith(f"| {task} |") and f"| {network} |" in line]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_row_has_medians_and_ranges_over_seeds_and_what_is_published(tmp_path):
    jsb = {"task.music": "jsb"}
    for seed, loss in enumerate((0.1, 0.12, 0.3)):
        where = tmp_path / f"lstm{seed}"
        tested = {"test/last/frame_accuracy": 0.1 * (seed + 1), "test/last/loss": 8.0 + seed}
        write_trial(where, cell="lstm", task="polyphony", seed=seed, loss=loss, floor=0.2, extra=tested, settings=jsb)
        done = json.loads((where / "DONE.json").read_text())
        (where / "DONE.json").write_text(json.dumps(done | {"seconds_of_last_session": 10 * (seed + 1)}))
    write_trial(tmp_path / "rnn", cell="rnn", slopes=(-0.5, -0.25))
    write_trial(tmp_path / "zgru", cell="gru")
    page = pages.page(study.read(tmp_path), tmp_path)
    assert "5 trials, seeds 0, 1, 2, begun 2025-01-01; " in page
    lstm = row(page, "[polyphony](../../configs/tasks/polyphony.py)", "lstm")
    assert lstm[1:4] == ["8", "lstm", "2 of 3"]
    assert lstm[4:6] == ["0.120 (0.100 … 0.300)", "0.200"]
    assert lstm[6:9] == ["loss 9.00 (8.00 … 10.0)", "8.45 nats (Bai et al. 2018)", "−0.250"]
    assert lstm[9] == "7"
    assert lstm[11] == "0.3"
    rnn = row(page, "adding", "rnn")
    assert rnn[6] == "–"
    assert "Bai" in rnn[7]
    assert not row(page, "adding", "gru")[7], "what is of all networks stands once"
    assert page.index("## Made up") < page.index("| adding |") < page.index("## Music") < page.index("[polyphony]")
    width = {line.count("|") for line in page.splitlines() if line.startswith("|")}
    assert width == {13}


def test_where_a_loss_reads_all_steps_no_lag_is_told(tmp_path):
    for task in ("digit_strings", "spoken_digits"):
        write_trial(tmp_path / task, task=task)
    read = study.read(tmp_path)
    cells = row(pages.page(read, tmp_path), "[digit_strings](../../configs/tasks/digit_strings.py)", "rnn")
    assert cells[8:11] == ["–"] * 3
    assert [tick.get_text() for tick in picture(read).axes[0].get_yticklabels()] == ["spoken digits"]


def test_the_picture_has_each_task_and_part_and_is_filled_where_it_is_learned(tmp_path):
    for seed, loss in enumerate((0.1, 0.19, 0.19)):  # one of three: a tenth below 0.2 is 0.18
        write_trial(tmp_path / f"rnn{seed}", seed=seed, loss=loss)
        write_trial(tmp_path / f"gru{seed}", cell="gru", seed=seed, loss=0.1)
    decoder = {"decoder/state_gradient/state/log10_norm": [-9.0, -2.0]}  # of which one step is left, and of the whole 7
    write_trial(tmp_path / "dates", cell="gru", task="dates", extra=decoder)
    reach, _ = picture(study.read(tmp_path)).axes
    assert [tick.get_text() for tick in reach.get_yticklabels()] == ["adding", "dates", "dates, decoder"]
    of_adding = [line for line in reach.lines if line.get_ydata()[0] < reach.get_yticks()[0] + 0.5]
    faces = {line.get_marker(): line.get_markerfacecolor() for line in of_adding if line.get_marker() in "o^"}
    assert faces == {"o": "white", "^": _style.CELL_COLORS["gru"]}


def test_every_task_has_a_heading():
    folders = {rnnx.registry.module("rnnx.tasks", name).__name__.split(".")[2] for name in rnnx.tasks.names()}
    assert folders == set(HEADINGS)


def test_what_is_not_done_is_in_no_median_and_counts_for_nothing(tmp_path):
    write_trial(tmp_path / "a", loss=0.1)
    write_trial(tmp_path / "b", seed=1, loss=0.15, status="unfinished")
    write_trial(tmp_path / "c", seed=2, loss=0.15, status="failed")
    write_trial(tmp_path / "d", cell="gru", status="unfinished")
    planned = {f"adding/rnn/T8/seed{n}": {} for n in range(9)}
    (tmp_path / "study.json").write_text(json.dumps({"trials": planned | {name: {} for name in "abcd"}}))
    read = done(study.read(tmp_path))
    page = pages.page(read, tmp_path)
    assert row(page, "adding", "rnn")[3:5] == ["1 of 1", "0.100"]
    assert "| gru |" not in page
    assert "1 trials, seeds 0, " in page
    (point,) = [line for line in picture(read).axes[0].lines if line.get_marker() == "o"]
    assert point.get_markerfacecolor() == _style.CELL_COLORS["rnn"]


def test_cells_and_tasks_of_ones_own_have_their_place(tmp_path):
    write_trial(tmp_path / "a", cell="my_cells:tricky", task="my_tasks:mine")
    read = done(study.read(tmp_path))
    assert "## Your own" in pages.page(read, tmp_path)
    assert [tick.get_text() for tick in picture(read).axes[0].get_yticklabels()] == ["my tasks:mine"]


def test_a_directory_without_trials_is_told_in_one_line(tmp_path, capsys):
    write_trial(tmp_path / "runs" / "a", status="unfinished")
    for directory, message in ((tmp_path / "none", "is not a directory"), (tmp_path / "runs", "no trial that is done")):
        with pytest.raises(SystemExit):
            main([str(directory)])
        assert message in capsys.readouterr().err.splitlines()[-1]
