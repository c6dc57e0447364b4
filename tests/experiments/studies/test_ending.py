"""What a command says at its end, and when it makes the report; that the report is made is seen in test_sweep.py."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments import config
from experiments.studies import ending
from experiments.studies.advice import advice
from rnnx import examples
from rnnx.report import board, terminal
from tests.report.records import write_trial

TREE_WORDS = ["It", "(", "<unk>", "", ""]
CHILDREN = np.array([[-1, -1], [-1, -1], [-1, -1], [1, 2], [0, 3]])


@pytest.fixture
def written(monkeypatch):
    """The reports that were made, of which none is drawn."""
    made = []

    def write(of, rows, workdir, directory):
        made.append(directory)
        directory.mkdir(exist_ok=True)
        (directory / "index.html").write_text("")

    monkeypatch.setattr(terminal, "write", write)
    monkeypatch.setattr(board, "write", lambda of, workdir, sections: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"{Path(sys.executable).parent}/{name}")
    monkeypatch.setattr(sys, "argv", ["/where/sweep.py", "--config=a b.py", "--workdir=runs"])
    return made


def shown(capsys, workdir, report=True):
    ending.show(workdir, report=report)
    out, err = capsys.readouterr()
    return [line.rstrip() for line in out.splitlines() if line.strip()], err


def test_what_trials_came_to_where_the_report_is_and_what_is_next(tmp_path, capsys, written):
    for seed, loss in ((0, 0.1), (1, 0.12), (2, 0.19)):
        write_trial(tmp_path / f"adding/gru/T16/seed{seed}", cell="gru", length=16, seed=seed, loss=loss)
    write_trial(tmp_path / "adding/rnn/T16/seed0", length=16, loss=0.3, slopes=(-0.5, -1.0))
    lines, err = shown(capsys, tmp_path)
    assert err == ""
    # A loss below nine tenths of 0.2 has memory; a factor e^-0.25 a step reaches back 15 steps, e^-1 does so 4.
    assert lines == [
        " T  network  held-out loss  no memory  reach  solved",
        "16  gru              0.120      0.200     15  2 of 3",
        "16  rnn              0.300      0.200      4  0 of 1",
        "medians over seeds; reach: the largest lag with 1 % of the gradient left",
        f"report       {tmp_path}/report/index.html",
        f"TensorBoard  python -m experiments.board {tmp_path}",
        f"next         python -m experiments.analyze --workdir={tmp_path} --diagnostics=lyapunov",
    ]
    assert written == [tmp_path / "report"]


def test_what_the_test_split_told_is_a_line_for_each_network(tmp_path, capsys, written):
    for seed, rate in ((0, 0.25), (1, 0.5)):
        directory = tmp_path / f"gru/T16/seed{seed}"
        curves = {f"{part}/state_gradient/state/log10_norm": [-1.0, -2.0] for part in ("encoder", "decoder")}
        write_trial(directory, cell="gru", length=16, seed=seed, extra=curves)  # a row for each part, and one line
        test = {"last": {"loss": 0.125, "word_error_rate": rate}, "best": {"loss": 0.5, "word_error_rate": 1.0}}
        (directory / "DONE.json").write_text(json.dumps({"test": test}))
    lines, _ = shown(capsys, tmp_path)
    assert [line for line in lines if line.startswith("test")] == [
        "test  gru, T = 16: loss 0.125, word error rate 0.375"
    ]


def test_the_report_is_made_where_a_record_is_newer_and_only_if_asked_for(tmp_path, capsys, written):
    write_trial(tmp_path / "one")
    assert shown(capsys, tmp_path, report=False)[0][-3] == (
        f"report       python -m experiments.report --workdir={tmp_path}"
    )
    assert not written
    for times in (1, 1):
        assert shown(capsys, tmp_path)[0][-3] == f"report       {tmp_path}/report/index.html"
        assert len(written) == times
    page = tmp_path / "report" / "index.html"
    for name in ("metrics.jsonl", "DONE.json", "analysis/lyapunov.json"):
        newer = tmp_path / "one" / name
        newer.parent.mkdir(exist_ok=True)
        if not newer.exists():
            newer.write_text('{"step": 20, "values": {}}')
        now = page.stat().st_mtime_ns
        os.utime(newer, ns=(now + 1000, now + 1000))
        before = len(written)
        shown(capsys, tmp_path)
        assert len(written) == before + 1, name
        os.utime(page, ns=(now + 1000, now + 1000))


def test_a_report_that_fails_is_told_of_and_ends_nothing(tmp_path, capsys, written, monkeypatch):
    write_trial(tmp_path / "one")

    def broken(*_):
        raise RuntimeError("no such\nfont")

    monkeypatch.setattr(terminal, "write", broken)
    lines, err = shown(capsys, tmp_path)
    assert err == "no report: no such font\n"
    assert lines == [f"report       python -m experiments.report --workdir={tmp_path}"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no trial" in shown(capsys, empty)[1]


@pytest.mark.parametrize(("status", "diverged", "again"), [("unfinished", 0, 1), ("failed", 0, 1), ("failed", 1, 0)])
def test_what_can_go_on_is_next(tmp_path, capsys, written, status, diverged, again):
    write_trial(tmp_path / "one", status=status)
    if status == "failed":
        (tmp_path / "one" / "FAILED.json").write_text(json.dumps({"error": "x", "diverged": bool(diverged)}))
    lines, _ = shown(capsys, tmp_path)
    assert f"1 {status}" in lines[1]
    assert (lines[-1] == "next         python -m experiments.sweep '--config=a b.py' --workdir=runs") == again


def test_a_model_that_writes_is_asked_to(tmp_path, capsys, written):
    write_trial(tmp_path / "characters/gru/T8/seed0", task="characters")
    (tmp_path / "characters/gru/T8/seed0" / "vocabulary.json").write_text("{}")
    lines, _ = shown(capsys, tmp_path)
    assert lines[-1] == f"next         python -m experiments.generate --workdir={tmp_path}/characters/gru/T8/seed0"


def test_a_model_of_sequence_to_sequence_is_asked_to_write_to_what_it_read(tmp_path, capsys, written):
    directory = tmp_path / "dates/gru/T8/seed0"
    write_trial(directory, task="dates")
    (directory / "vocabulary.json").write_text('{"source": {}, "target": {}}')
    example = examples.translation(["3", " <unk>", " May"], "05-03")  # a word that it does not know can't be typed
    (directory / "example.json").write_text(json.dumps(example._asdict()))
    lines, _ = shown(capsys, tmp_path)
    assert lines[-1] == f"next         python -m experiments.generate --workdir={directory} --source='3 May'"


@pytest.mark.parametrize(
    ("example", "facts", "command"),
    [
        (
            examples.text(["It", " 's", " <unk>", " ."], "good"),
            {"tells_class": True},
            """predict --workdir={} --sentence='It '"'"'s .'""",
        ),
        (examples.tree(TREE_WORDS, CHILDREN), {"tells_class": True}, "predict --workdir={} --tree='(It (-LRB- …))'"),
        (examples.tree(TREE_WORDS, CHILDREN), {}, "analyze --workdir={} --diagnostics=noise_scale"),
        (examples.sound(np.zeros(3), "7"), {"tells_class": True}, "analyze --workdir={} --diagnostics=lyapunov"),
        (examples.text(["a", "b"], "end"), {"tells_class": False}, "analyze --workdir={} --diagnostics=lyapunov"),
    ],
)
def test_a_model_that_tells_the_class_of_a_text_is_asked_that_of_one(
    tmp_path, capsys, written, example, facts, command
):
    """And none for trees is to be analysed by what it can't be stepped for."""
    write_trial(tmp_path / "one")
    directory = tmp_path / "one"
    (directory / "example.json").write_text(json.dumps(example._asdict()))
    record = json.loads((directory / "config.json").read_text())
    record["task_facts"] |= facts
    (directory / "config.json").write_text(json.dumps(record))
    lines, _ = shown(capsys, tmp_path)
    where = directory if "predict" in command else tmp_path
    assert lines[-1] == f"next         python -m experiments.{command.format(where)}"


def test_a_python_that_a_shell_does_not_find_is_named_by_its_place(tmp_path, capsys, written, monkeypatch):
    write_trial(tmp_path / "one")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(sys, "executable", f"{tmp_path}/.venv/bin/python")
    monkeypatch.chdir(tmp_path)
    assert shown(capsys, tmp_path)[0][-2] == f"TensorBoard  .venv/bin/python -m experiments.board {tmp_path}"


def test_many_groups_are_told_in_brief(tmp_path, capsys, written):
    for length in range(1, 44):
        write_trial(tmp_path / f"T{length}", length=length, measured=1)
    lines, _ = shown(capsys, tmp_path)
    assert len(lines) == 1 + 40 + 1 + 1 + 3
    assert lines[41] == "… and 3 more, in the report."


@pytest.mark.parametrize(
    ("settings", "tries"),
    [
        ({"learning_rate": 1e6}, "--config.learning_rate=0.003 (now 1e+06)"),
        (
            {"clip_norm": 0.0, "learning_rate": 0.01},
            "--config.clip_norm=1 (now none), --config.learning_rate=0.001 (now 0.01)",
        ),
        (
            {"clip_norm": 50.0, "precision": "bfloat16"},
            "--config.clip_norm=1 (now 50), --config.learning_rate=0.0003 (now 0.003), "
            "--config.precision=float32 (now bfloat16)",
        ),
        ({"clip_norm": 0.0, "clip_value": 1.0}, "--config.learning_rate=0.0003 (now 0.003)"),
    ],
)
def test_what_may_help_a_trial_that_diverged_follows_from_its_settings(settings, tries):
    base = config.default()
    base.update(settings)
    assert advice(config.parse(base, trace=False)) == f"What may help, in another --workdir: {tries}."
