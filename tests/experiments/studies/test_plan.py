"""What a dry run says of costs and times."""

import json

import pytest

from experiments import config, cost
from experiments.studies import plan, study
from rnnx.logbook.files import DamagedError


@pytest.fixture
def trials(tmp_path):
    """Three cells; a step of the rnn takes 6 (2·8 + 8·8 + 8) · 10 · 3 operations."""
    base = config.default()
    base.update_from_flattened_dict({"cell.hidden_size": 8, "task.length": 10, "batch_size": 3, "steps": 10**6})
    points = [{"cell.name": name, "seed": seed} for name in ("rnn", "lstm", "gru") for seed in (0, 1)]
    return study.resolve(base, points, tmp_path)


def finish(trial, *speeds):
    """As a trial leaves it that was trained at these speeds."""
    trial.directory.mkdir(parents=True)
    lines = [json.dumps({"step": 10, "performance/gflop_per_second": speed}) for speed in speeds]
    (trial.directory / "performance.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (trial.directory / "DONE.json").write_text("{}")
    (trial.directory / "config.json").write_text(json.dumps({"config": trial.config.to_dict()}))


def shown(capsys, trials, jobs=1):
    plan.show(trials, jobs)
    heading, *rows, total = capsys.readouterr().out.splitlines()
    assert heading.split() == ["trial", "steps", "parameters", "FLOPs", "time", "state"]
    return [row.split() for row in rows], total


def test_times_are_those_of_finished_trials_that_are_most_alike(trials, capsys):
    finish(trials[0], 2.0, 1.0, float("nan"), 9.0)  # the median of what is finite is 2
    finish(trials[2], 4.0)
    rows, total = shown(capsys, trials, jobs=2)
    assert rows[0] == ["adding/rnn/T10/seed0", "1000000", "97", "14.9", "G", "done"]
    assert rows[1][-1] == "0:00:07"  # 14.88e9 / 2e9
    lstm, gru = (cost.training_flops(trials[of].config) * 1e6 / 1e9 for of in (3, 4))
    assert rows[3][-1] == f"0:00:{round(lstm / 4):02d}"
    assert rows[4][-1] == f"0:00:{round(gru / 3):02d}"  # no gru is done: the median of both, 3
    whole = 14.88 / 2 + lstm / 4 + 2 * gru / 3
    assert total.endswith(f"about 0:00:{round(whole / 2):02d} with 2 at a time, from the speed of 2 finished trials.")
    assert total.startswith("4 of 6 trials to do")


def test_states_and_reasons_are_told(trials, capsys):
    finish(trials[0])
    finish(trials[1])
    (trials[1].directory / "DONE.json").unlink()
    trials[2].directory.mkdir(parents=True)
    (trials[2].directory / "FAILED.json").write_text(json.dumps({"error": "not finite", "diverged": True}))
    rows, total = shown(capsys, trials)
    assert [row[-1] for row in rows] == ["done", "begun", "diverged", "G", "G", "G"]
    assert total.startswith("4 of 6 trials to do")
    assert total.endswith("without times, because no finished trial of this workdir has recorded its speed.")


def test_a_record_that_is_damaged_is_named(trials):
    finish(trials[0])
    (trials[0].directory / "performance.jsonl").write_text("{\n")
    with pytest.raises(DamagedError, match=r"performance\.jsonl, line 1"):
        plan.show(trials, 1)
