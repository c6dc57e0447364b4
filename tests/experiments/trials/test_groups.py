"""Trials trained as one program: each with a record of its own, the same as if it were alone."""

import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from experiments import build, config
from experiments.analysis import checkpoints
from experiments.config import ConfigError
from experiments.studies import study
from experiments.trials import groups, lock, loop, provenance, signals
from experiments.trials import trial as trials
from experiments.trials.trial import TrialGroup
from rnnx.data import DataError
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
    base.cell.name, base.diagnostics = "rnn", ("state_gradient",)  # little to compile
    base.update(settings)
    return tuple(study.resolve(base, list(overrides), directory))


def last_leaves(trial):
    (leaves,) = (trial.directory / "checkpoints" / str(trial.config.steps) / "leaves").rglob("metadata")
    return leaves.read_text()


def run(group):
    outcomes = {}
    loop.run(group, lambda news: outcomes.update({news.trial: news.outcome}))
    return list(outcomes.values())


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Three trials that nothing happens to, trained as one program."""
    group = make(tmp_path_factory.mktemp("straight"))
    assert run(TrialGroup(group, 3)) == ["done"] * 3
    return group


def test_what_one_program_can_train_goes_together_and_no_more(tmp_path):
    made = make(tmp_path, [*DIFFERENT, {"cell.hidden_size": 5}, {"seed": 3}, {"steps": 80}])
    found = groups.grouped(made, most=8)
    assert [(len(group.trials), group.vmap_width) for group in found] == [(4, 4), (1, 1), (1, 1)]
    # All of one kind have one width, so that it is compiled once: the last one has a place that is empty.
    found = groups.grouped(made, most=3)
    assert [(len(group.trials), group.vmap_width) for group in found] == [(2, 2), (2, 2), (1, 1), (1, 1)]
    assert [group.vmap_width for group in groups.grouped(made, most=1)] == [1] * 6


@pytest.mark.slow
def test_seeds_above_an_int32_train_beside_one_another(tmp_path):
    """And a checkpoint of one is found again, by its seed."""
    made = make(tmp_path, [{"seed": 2**31}, {"seed": 2**32 - 1}], steps=10)
    assert run(TrialGroup(made, 3)) == ["done", "done"]
    losses = [read_metrics(one.directory / "metrics.jsonl")[-1]["heldout/loss"] for one in made]
    assert losses[0] != losses[1]
    of_last = checkpoints.subject(made[1], "latest", 2)
    assert of_last.step == 10


def test_a_trial_keeps_the_width_that_it_began_with(tmp_path):
    made = make(tmp_path, [{"seed": seed} for seed in range(4)])
    made[3].directory.mkdir(parents=True)
    (made[3].directory / "config.json").write_text(json.dumps({"config": {}, "slots": 8}))
    found = groups.grouped(made, most=1)
    assert [(len(group.trials), group.vmap_width) for group in found] == [(1, 8), (1, 1), (1, 1), (1, 1)]


def test_the_width_of_what_has_not_begun_does_not_depend_on_what_has_been_done(tmp_path):
    """A kill may come between the start of one trial and that of another in its group."""
    made = make(tmp_path, [{"seed": seed} for seed in range(10)])
    (vmap_width,) = {group.vmap_width for group in groups.grouped(made, 4, made)}
    assert vmap_width == 4
    for left in (made[4:], made[9:]):
        assert {group.vmap_width for group in groups.grouped(left, 4, made)} == {vmap_width}
    made[8].directory.mkdir(parents=True)
    (made[8].directory / "config.json").write_text(json.dumps({"config": {}, "slots": vmap_width}))
    (last,) = groups.grouped(made[8:], 4, made)
    assert last == TrialGroup(made[8:], vmap_width)


def test_the_place_in_a_group_and_its_other_trials_do_not_matter(tmp_path, straight):
    again = make(tmp_path / "again", [DIFFERENT[2], DIFFERENT[0]])
    run(TrialGroup(again, 3))  # one place is empty
    assert record(straight[0]) == record(again[1])
    assert record(straight[2]) == record(again[0])
    assert last_leaves(straight[0]) == last_leaves(again[1])


def test_a_trial_that_diverges_leaves_the_others_as_they_are(tmp_path, straight):
    wild = [DIFFERENT[0], DIFFERENT[1] | {"learning_rate": 1e38}, DIFFERENT[2]]
    disturbed = make(tmp_path, wild)
    outcomes = run(TrialGroup(disturbed, 3))
    assert [outcome == "done" for outcome in outcomes] == [True, False, True]
    assert record(disturbed[0]) == record(straight[0])
    assert record(disturbed[2]) == record(straight[2])
    failed = disturbed[1].directory
    told = json.loads((failed / "FAILED.json").read_text())
    assert told == {"error": "DivergedError: loss or gradient is not finite at step 2", "step": 2, "diverged": True}
    assert trials.diverged(disturbed[1]) == told["error"]
    assert not (failed / "DONE.json").exists()
    assert [r["step"] for r in read_metrics(failed / "metrics.jsonl")] == [0]


def test_a_group_that_is_stopped_goes_on_as_if_it_had_not_been(tmp_path, straight, stoppable):
    """By a real SIGTERM, between two of its trials; the checkpoint of one is set back to that of the other."""
    stopped = make(tmp_path)

    def stop(news):
        if news.step == 34 and news.trial == stopped[1].name:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(signals.Interrupted) as caught:
        loop.run(TrialGroup(stopped, 3), stop)
    assert caught.value.status == 143
    for trial in stopped:
        assert (trial.directory / "checkpoints" / "34").is_dir()
        assert not (trial.directory / "FAILED.json").exists()
    Checkpoints(stopped[2].directory / "checkpoints").discard_after(30)
    signals._received = 0
    assert run(TrialGroup(stopped, 3)) == ["done"] * 3
    for one, other in zip(stopped, straight, strict=True):
        assert record(one) == record(other)
        assert last_leaves(one) == last_leaves(other)


@pytest.mark.slow  # one trial that grows is in test_best.py
@pytest.mark.parametrize("vmap_width", [1, 3])
def test_more_steps_of_a_trial_that_is_done_are_those_of_a_longer_run(tmp_path, vmap_width):
    """The end of the shorter one, measured though it was not due, leaves no trace; one was killed before that."""
    of = DIFFERENT[:vmap_width]
    short, grown, straight = (
        make(tmp_path / place, of, steps=steps) for place, steps in (("grown", 16), ("grown", 30), ("straight", 30))
    )
    assert run(TrialGroup(short, vmap_width)) == ["done"] * vmap_width
    (short[0].directory / "DONE.json").unlink()
    assert not any(trials.finished(trial) for trial in grown)
    steps = {trial.name: [] for trial in grown}
    loop.run(TrialGroup(grown, vmap_width), lambda news: steps[news.trial].append(news.step))
    assert {told[0] for told in steps.values()} == {16}
    assert run(TrialGroup(straight, vmap_width)) == ["done"] * vmap_width
    for one, other in zip(grown, straight, strict=True):
        assert record(one) == record(other)
        assert last_leaves(one) == last_leaves(other)
        assert json.loads((one.directory / "DONE.json").read_text())["steps"] == 30
        assert trials.finished(one)
    with pytest.raises(ConfigError, match=r"steps \(30 there, 16 here\)"):
        trials.finished(short[0])


def test_what_is_new_in_a_sweep_does_not_set_back_what_is_not(tmp_path):
    """One checkpoint apart they are after a kill, and go on together from the one before."""
    made = make(tmp_path, [{"seed": seed} for seed in range(5)])
    for trial, step in zip(made, (60, 0, 50, 60, 0), strict=True):
        for saved in range(10, step + 1, 10):
            (trial.directory / "checkpoints" / str(saved)).mkdir(parents=True)
    (made[0].directory / "checkpoints" / "70.corrupt").mkdir()
    found = groups.grouped(made, most=8)
    assert [[trial.config.seed for trial in group.trials] for group in found] == [[1, 4], [2, 0, 3]]
    assert {group.vmap_width for group in found} == {5}


def test_a_trial_that_cannot_be_set_up_says_why_and_the_others_go_on(tmp_path, monkeypatch):
    """As on a machine that lacks the data, or a new cell; whatever is raised."""
    made = make(tmp_path, steps=4)
    lacking = made[0]
    before = provenance.record

    def record(path, *rest):
        if path.parent == lacking.directory:
            raise DataError("no text\nof that name")
        before(path, *rest)

    monkeypatch.setattr(provenance, "record", record)
    outcomes = run(TrialGroup(made, 3))
    assert outcomes[1:] == ["done", "done"]
    told = json.loads((lacking.directory / "FAILED.json").read_text())
    assert told == {"error": outcomes[0]}
    assert outcomes[0] == "DataError: no text of that name"
    monkeypatch.setattr(provenance, "record", before)
    assert run(TrialGroup(made, 3)) == ["done"] * 3  # it is no reason not to try again
    assert not (lacking.directory / "FAILED.json").exists()


def test_a_directory_that_holds_another_trial_costs_that_trial_alone(tmp_path):
    made = make(tmp_path)
    (other, *_) = make(tmp_path, DIFFERENT, batch_size=5)
    other.directory.mkdir(parents=True)
    provenance.record(other.directory / "config.json", other.config, 1)
    outcomes = run(TrialGroup(made, 3))
    assert "batch_size (5 there, 4 here)" in outcomes[0]
    assert outcomes[1:] == ["done", "done"]


@pytest.mark.slow
def test_a_group_leaves_the_records_that_its_trials_leave_alone(tmp_path, straight):
    for one, other in zip(straight, make(tmp_path), strict=True):
        assert run(TrialGroup((other,), 1)) == ["done"]
        assert json.loads((one.directory / "config.json").read_text())["slots"] == 3
        assert (one.directory / "DONE.json").exists()
        assert list(one.directory.glob("events.out.tfevents.*"))
        a, b = read_metrics(one.directory / "metrics.jsonl"), read_metrics(other.directory / "metrics.jsonl")
        assert [r["step"] for r in a] == [r["step"] for r in b] == list(range(0, 61, 2))
        assert [list(r) for r in a] == [list(r) for r in b]
        losses = [[r["train/loss"] for r in records[1:]] for records in (a, b)]
        # Another order of float32 sums, carried through 60 updates by Adam.
        np.testing.assert_allclose(*losses, rtol=1e-3)
    assert len({record(trial) for trial in straight}) == 3


def test_what_programs_share_is_all_but_their_input():
    base = config.default()
    one = config.parse(base)
    base.seed, base.learning_rate, base.clip_norm = 5, 0.1, 0.0
    base.cell.forget_bias, base.cell.recurrent_initializer = 0.0, "gaussian(0.5)"
    other = config.parse(base)
    assert build.program_key(one) == build.program_key(other)
    assert build.hyperparameters(other) == (5, 0.1, math.inf, None, 0.0, 0.0)
    base.cell.hidden_size = 3
    assert build.program_key(config.parse(base)) != build.program_key(one)


def test_a_lock_names_its_owner(tmp_path):
    busy = pytest.raises(ConfigError, match=rf"being written by process {os.getpid()}")
    with lock.held(tmp_path / "trial.lock"), busy:
        lock.check(tmp_path / "trial.lock")
    lock.check(tmp_path / "trial.lock")
    lock.check(tmp_path / "nothing" / "trial.lock")
