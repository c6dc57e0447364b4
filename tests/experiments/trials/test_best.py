"""The best measurement, its parameters on disk, early stopping, and the test split at the end."""

import json
import math
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import build, config
from experiments.studies import study
from experiments.trials import loop
from experiments.trials.best import Best, best
from experiments.trials.trial import TrialGroup
from rnnx.logbook import read_metrics
from rnnx.logbook.parameters import load_parameters
from rnnx.report.trial import read_trial
from rnnx.training.program import applying, mean_loss
from rnnx.unroll import plain_run
from tests.experiments import study_small
from tests.helpers import board_events

pytestmark = pytest.mark.xdist_group("best")  # its trials share their program

STEPS = 40


def make(directory: Path, overrides=({},), **settings):
    """Trials that measure often, and learn so fast that they do not get better each time."""
    base = study_small.get_config()
    base.cell.name, base.diagnostics, base.learning_rate = "rnn", (), 0.1
    base.steps, base.measure_every, base.checkpoint_every = STEPS, 4, 10
    base.update_from_flattened_dict(settings)
    return study.resolve(base, list(overrides), directory)


def run(trials, vmap_width=1, update=lambda news: None):
    outcomes = {}
    loop.run(TrialGroup(tuple(trials), vmap_width), lambda news: (outcomes.update({news.trial: news}), update(news)))
    return [outcomes[trial.name].outcome for trial in trials]


def records(trial):
    return read_metrics(trial.directory / "metrics.jsonl")


def done(trial):
    return json.loads((trial.directory / "DONE.json").read_text())


def best_files(trial):
    return {path.name: path.read_bytes() for path in (trial.directory / "checkpoints" / "best").iterdir()}


def best_params(trial):
    step = best(records(trial), trial.config.best_metric).step
    like = jax.eval_shape(build.initial(trial.config)).params
    return load_parameters(trial.directory / "checkpoints" / "best" / f"{step}.npz", like)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    (trial,) = make(tmp_path_factory.mktemp("straight"))
    assert run([trial]) == ["done"]
    return trial


@pytest.mark.parametrize(
    ("metric", "values", "found"),
    [
        ("heldout/loss", [0.7, 0.2, 0.3, 0.2], Best(1, 0.2, 2)),
        ("heldout/accuracy", [0.1, 0.9, 0.3, 0.9], Best(1, 0.9, 2)),
        ("heldout/loss", [math.nan, 0.2, math.nan], Best(1, 0.2, 1)),
        ("heldout/loss", [math.nan], None),
        ("", [0.7], None),
    ],
)
def test_the_first_best_of_the_measurements(metric, values, found):
    rows = [{"step": step, metric or "heldout/loss": value} for step, value in enumerate(values)]
    assert best([{"step": -1, "train/loss": 0.0}, *rows], metric) == found


def test_the_best_parameters_are_those_that_were_measured(straight):
    """And not of the last step: this trial was better before."""
    found = best(records(straight), "heldout/loss")
    assert 0 < found.step < STEPS
    assert done(straight)["best"] == {"step": found.step, "heldout/loss": found.value}
    program = build.program(build.program_key(straight.config))
    state = program.init(0)._replace(params=best_params(straight))
    measured = program.measure(state, build.hyperparameters(straight.config).seed)
    assert float(measured["heldout/loss"]) == found.value  # the same program, to the last bit


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [6, 18, 32])
def test_after_a_kill_the_best_is_what_it_would_have_been(tmp_path, straight, at):
    """Between any two checkpoints, and also where the newest of the best is lost: an earlier checkpoint has its own."""

    def kill(news):
        if news.step == at:
            raise Killed

    (trial,) = make(tmp_path)
    with pytest.raises(Killed):
        run([trial], update=kill)
    if at == 32:
        newest = max((trial.directory / "checkpoints" / "best").iterdir(), key=lambda path: int(path.stem))
        newest.write_bytes(newest.read_bytes()[:100])
        with pytest.warns(UserWarning, match=r"npz is damaged"):
            assert run([trial]) == ["done"]
    else:
        assert run([trial]) == ["done"]
    assert (trial.directory / "metrics.jsonl").read_bytes() == (straight.directory / "metrics.jsonl").read_bytes()
    step = done(straight)["best"]["step"]
    assert best_files(trial)[f"{step}.npz"] == best_files(straight)[f"{step}.npz"]
    assert done(trial)["best"] == done(straight)["best"]


def stops_at(rows, patience):
    """The first measurement that is the last of so many without a better one."""
    for end in range(1, len(rows) + 1):
        found = best(rows[:end], "heldout/loss")
        if found.waited >= patience:
            return rows[end - 1]["step"]
    return None


def test_training_stops_when_it_gets_no_better(tmp_path, straight):
    """At the step that follows from the record of a trial that went on, with the same record until there."""
    stop = stops_at(records(straight), patience=2)
    assert 0 < stop < STEPS
    (trial,) = make(tmp_path, patience=2)
    assert run([trial]) == ["done"]
    assert records(trial) == [record for record in records(straight) if record["step"] <= stop]
    told = done(trial)
    assert told["steps"] == stop
    assert told["stopped"].startswith(f"heldout/loss has not been better than at step {told['best']['step']} in 2 ")
    (trial.directory / "DONE.json").unlink()  # a kill before it was written: it stops again, at once
    assert run([trial]) == ["done"]
    assert done(trial)["steps"] == stop
    assert records(trial)[-1]["step"] == stop
    (longer,) = make(tmp_path, patience=2, steps=2 * STEPS)  # more steps are no reason to go on
    assert run([longer]) == ["done"]
    assert done(longer)["steps"] == stop


@pytest.mark.slow
def test_in_a_group_each_stops_for_itself(tmp_path):
    rates = [{"learning_rate": 0.1}, {"learning_rate": 0.003}]
    going_on, stopping = make(tmp_path / "on", rates), make(tmp_path / "stop", rates, patience=2)
    assert run(going_on, 2) == run(stopping, 2) == ["done", "done"]
    ends = [stops_at(records(trial), patience=2) or STEPS for trial in going_on]
    assert ends[0] < ends[1] == STEPS
    for whole, stopped, end in zip(going_on, stopping, ends, strict=True):
        assert records(stopped) == [record for record in records(whole) if record["step"] <= end]
        assert done(stopped)["steps"] == end
        assert ("stopped" in done(stopped)) == (end < STEPS)


@pytest.mark.slow
def test_a_schedule_is_recorded(tmp_path, straight):
    (trial,) = make(tmp_path, **{"schedule.name": "exponential", "schedule.transition_steps": 10})
    run([trial])
    rates = {record["step"]: record["train/learning_rate"] for record in records(trial) if record["step"]}
    # Of the last update before the record: 0.1 × 0.1^((step - 1) / 10), in float32.
    np.testing.assert_allclose(list(rates.values()), [0.1 ** (1 + (step - 1) / 10) for step in rates], rtol=1e-5)
    assert "train/learning_rate" not in records(straight)[-1]


def test_the_test_split_is_read_once_for_the_last_and_for_the_best(tmp_path, monkeypatch):
    """A task with such a split: ten examples, in batches of four and two."""
    adding, made_of = build.make_task, []
    sample = adding(config.parse(study_small.get_config()).task).sample
    examples = jax.tree.map(np.asarray, jax.jit(lambda key: sample(key, 10, 5))(jax.random.key(9)))

    def test_batches(batch_size):
        made_of.append(batch_size)
        for start in range(0, 10, batch_size):
            yield jax.tree.map(lambda a, s=start: a[:, s : s + batch_size], examples)

    def with_test(section):
        return adding(section)._replace(
            test_batches=test_batches, summary=lambda means: {"root_loss": math.sqrt(means["loss"])}
        )

    monkeypatch.setattr(build, "make_task", with_test)
    (trial,) = make(tmp_path)
    assert run([trial]) == ["done"]
    assert made_of == [4, 4]
    told = done(trial)["test"]
    assert told.keys() == {"last", "best"}
    assert told["last"] != told["best"]
    apply = applying(build.model(trial.config))
    task = adding(trial.config.task)
    loss = jax.jit(lambda params, batch: mean_loss(task, apply(params, batch, plain_run), batch))
    expected = float(loss(best_params(trial), examples))
    # float32 roundings of products over 10 rows and over 4.
    np.testing.assert_allclose(told["best"]["loss"], expected, rtol=1e-5)
    assert told["best"]["root_loss"] == math.sqrt(told["best"]["loss"])
    assert set(told["best"]) == {"loss", "within_0.1", "root_loss"}
    assert board_events.numbers(trial.directory)["final/test/best/loss"][0][1] == pytest.approx(expected, rel=1e-5)
    assert read_trial(trial.directory, tmp_path).after["test/last/root_loss"] == told["last"]["root_loss"]


def test_a_trial_of_more_steps_goes_on_from_its_end_without_the_measurement_that_it_does_not_have(tmp_path):
    """The last one was the best so far; what was the best before is on disk too."""
    settings = {"measure_every": 20, "learning_rate": 0.003, "checkpoint_every": 100}
    (short,) = make(tmp_path / "grown", steps=30, **settings)
    assert run([short]) == ["done"]
    assert done(short)["best"]["step"] == 30
    told = []
    (grown,) = make(tmp_path / "grown", steps=40, **settings)
    assert run([grown], update=told.append) == ["done"]
    assert [(news.step, news.phase) for news in told] == [
        (30, "compiling rnn, T = 5"),
        *((step, "") for step in (32, 34, 36, 38)),
        (38, "compiling rnn, T = 5"),  # what measures, since it was there when it was resumed
        (40, ""),
        (40, "saving"),
        (40, ""),
    ]
    assert all(news.seconds > 0 for news in told if math.isfinite(news.loss))
    (straight,) = make(tmp_path / "straight", steps=40, **settings)
    assert run([straight]) == ["done"]
    assert (grown.directory / "metrics.jsonl").read_bytes() == (straight.directory / "metrics.jsonl").read_bytes()
