"""Trials trained as one program: each with a record of its own, the same as if it were alone."""

import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from experiments import config, groups, interruption, lock, sweeping
from experiments import trial as trials
from experiments.config import ConfigError
from experiments.trial import Group
from rnnx.logbook import Checkpoints, read_metrics
from tests.experiments import study_small
from tests.experiments.executing import record

pytestmark = pytest.mark.xdist_group("groups")  # they share their program

DIFFERENT = (
    {"seed": 0},
    {"seed": 1, "learning_rate": 0.01},
    {"seed": 1, "clip_norm": 0.0, "cell.recurrent_initializer": "gaussian(0.5)"},
)


def make(directory: Path, overrides=DIFFERENT, **settings):
    base = study_small.get_config()
    base.cell.name, base.measurements = "rnn", ("state_gradient",)  # little to compile
    base.update(settings)
    return tuple(sweeping.resolve(base, list(overrides), directory))


def last_leaves(trial):
    (leaves,) = (trial.directory / "checkpoints" / str(trial.config.steps) / "leaves").rglob("metadata")
    return leaves.read_text()


def run(group):
    outcomes = {}
    trials.run(group, lambda news: outcomes.update({news.trial: news.outcome}))
    return list(outcomes.values())


def test_what_one_program_can_train_goes_together_and_no_more(tmp_path):
    made = make(tmp_path, [*DIFFERENT, {"cell.hidden_size": 5}, {"seed": 3}, {"steps": 80}])
    found = groups.grouped(made, most=8)
    assert [(len(group.trials), group.slots) for group in found] == [(4, 4), (1, 1), (1, 1)]
    # All of one kind have one width, so that it is compiled once: the last one has a place that is empty.
    found = groups.grouped(made, most=3)
    assert [(len(group.trials), group.slots) for group in found] == [(2, 2), (2, 2), (1, 1), (1, 1)]
    assert [group.slots for group in groups.grouped(made, most=1)] == [1] * 6


def test_a_trial_keeps_the_width_that_it_began_with(tmp_path):
    made = make(tmp_path, [{"seed": seed} for seed in range(4)])
    made[3].directory.mkdir(parents=True)
    (made[3].directory / "config.json").write_text(json.dumps({"config": {}, "slots": 8}))
    found = groups.grouped(made, most=1)
    assert [(len(group.trials), group.slots) for group in found] == [(1, 8), (1, 1), (1, 1), (1, 1)]


def test_the_width_of_what_has_not_begun_does_not_depend_on_what_has_been_done(tmp_path):
    """A kill may come between the start of one trial and that of another in its group."""
    made = make(tmp_path, [{"seed": seed} for seed in range(10)])
    (slots,) = {group.slots for group in groups.grouped(made, 4, made)}
    assert slots == 4
    for left in (made[4:], made[9:]):
        assert {group.slots for group in groups.grouped(left, 4, made)} == {slots}
    made[8].directory.mkdir(parents=True)
    (made[8].directory / "config.json").write_text(json.dumps({"config": {}, "slots": slots}))
    (last,) = groups.grouped(made[8:], 4, made)
    assert last == Group(made[8:], slots)


def test_the_place_in_a_group_and_its_other_trials_do_not_matter(tmp_path):
    first = make(tmp_path / "first")
    run(Group(first, 3))
    again = make(tmp_path / "again", [DIFFERENT[2], DIFFERENT[0]])
    run(Group(again, 3))  # one place is empty
    assert record(first[0]) == record(again[1])
    assert record(first[2]) == record(again[0])
    assert last_leaves(first[0]) == last_leaves(again[1])


def test_a_trial_that_diverges_leaves_the_others_as_they_are(tmp_path):
    wild = [DIFFERENT[0], DIFFERENT[1] | {"learning_rate": 1e38}, DIFFERENT[2]]
    calm, disturbed = make(tmp_path / "calm"), make(tmp_path / "disturbed", wild)
    run(Group(calm, 3))
    outcomes = run(Group(disturbed, 3))
    assert [outcome == "done" for outcome in outcomes] == [True, False, True]
    assert record(disturbed[0]) == record(calm[0])
    assert record(disturbed[2]) == record(calm[2])
    failed = disturbed[1].directory
    told = json.loads((failed / "FAILED.json").read_text())
    assert told == {"error": "DivergedError: loss or gradient is not finite at step 2", "step": 2, "diverged": True}
    assert trials.diverged(disturbed[1]) == told["error"]
    assert not (failed / "DONE.json").exists()
    assert [r["step"] for r in read_metrics(failed / "metrics.jsonl")] == [0]


def test_a_group_that_is_stopped_goes_on_as_if_it_had_not_been(tmp_path, stoppable):
    """By a real SIGTERM, between two of its trials; the checkpoint of one is set back to that of the other."""
    straight, stopped = make(tmp_path / "straight"), make(tmp_path / "stopped")
    run(Group(straight, 3))

    def stop(news):
        if news.step == 34 and news.trial == stopped[1].name:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(interruption.Interrupted) as caught:
        trials.run(Group(stopped, 3), stop)
    assert caught.value.status == 143
    for trial in stopped:
        assert (trial.directory / "checkpoints" / "34").is_dir()
        assert not (trial.directory / "FAILED.json").exists()
    Checkpoints(stopped[2].directory / "checkpoints").discard_after(30)
    interruption._received = 0
    assert run(Group(stopped, 3)) == ["done"] * 3
    for one, other in zip(stopped, straight, strict=True):
        assert record(one) == record(other)
        assert last_leaves(one) == last_leaves(other)


def test_a_directory_that_holds_another_trial_costs_that_trial_alone(tmp_path):
    made = make(tmp_path)
    run(Group(make(tmp_path, DIFFERENT, batch_size=5)[:1], 1))
    outcomes = run(Group(made, 3))
    assert "batch_size (5 there, 4 here)" in outcomes[0]
    assert outcomes[1:] == ["done", "done"]


def test_a_group_leaves_the_records_that_its_trials_leave_alone(tmp_path):
    together, alone = make(tmp_path / "together"), make(tmp_path / "alone")
    assert run(Group(together, 3)) == ["done"] * 3
    for one, other in zip(together, alone, strict=True):
        assert run(Group((other,), 1)) == ["done"]
        assert json.loads((one.directory / "config.json").read_text())["slots"] == 3
        assert (one.directory / "DONE.json").exists()
        assert list(one.directory.glob("events.out.tfevents.*"))
        a, b = read_metrics(one.directory / "metrics.jsonl"), read_metrics(other.directory / "metrics.jsonl")
        assert [r["step"] for r in a] == [r["step"] for r in b] == list(range(0, 61, 2))
        assert [list(r) for r in a] == [list(r) for r in b]
        losses = [[r["train/loss"] for r in records[1:]] for records in (a, b)]
        # Another order of float32 sums, carried through 60 updates by Adam.
        np.testing.assert_allclose(*losses, rtol=1e-3)
    assert len({record(trial) for trial in together}) == 3


def test_what_programs_share_is_all_but_their_input():
    base = config.default()
    one = config.parse(base)
    base.seed, base.learning_rate, base.clip_norm = 5, 0.1, 0.0
    base.cell.forget_bias, base.cell.recurrent_initializer = 0.0, "gaussian(0.5)"
    other = config.parse(base)
    assert config.alike(one) == config.alike(other)
    assert config.hyperparameters(other) == (5, 0.1, math.inf)
    base.cell.hidden_size = 3
    assert config.alike(config.parse(base)) != config.alike(one)


def test_a_lock_names_its_owner(tmp_path):
    busy = pytest.raises(ConfigError, match=rf"being written by process {os.getpid()}")
    with lock.held(tmp_path / "trial.lock"), busy:
        lock.check(tmp_path / "trial.lock")
    lock.check(tmp_path / "trial.lock")
    lock.check(tmp_path / "nothing" / "trial.lock")
