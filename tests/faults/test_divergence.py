"""R7: where loss or gradient stops being finite, training stops before the update and the other trials go on."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from experiments import trial
from experiments.config import build, parse
from experiments.trial import Group, Trial
from rnnx.logbook import Checkpoints, read_metrics
from rnnx.training import Hyperparameters, program
from tests.experiments import study_small
from tests.faults import trials

STEPS = 40
GROWS = 0.8
"""A learning rate with which plain gradient descent overshoots more and more, until at step 28 nothing is finite."""


def made(directory, learning_rate):
    given = study_small.get_config()
    given.cell.name = "rnn"
    given.optimizer, given.clip_norm, given.steps = "sgd", 0.0, STEPS
    given.learning_rate = learning_rate
    return Trial(f"rate {learning_rate}", parse(given), directory / str(learning_rate))


def train(directory, *learning_rates):
    """Trials side by side in one program; how each of them ended."""
    group = tuple(made(directory, rate) for rate in learning_rates)
    news = []
    trial.run(Group(group, len(group)), news.append)
    ends = {update.trial: update.outcome for update in news if update.outcome}
    return [(one, ends[one.name]) for one in group]


def assert_stopped_before_the_update(one, outcome):
    failure = json.loads((one.directory / "FAILED.json").read_text())
    assert failure["diverged"] is True
    assert failure["error"] == outcome
    assert f"not finite at step {failure['step']}" in outcome
    assert not (one.directory / "DONE.json").exists()
    like = jax.eval_shape(build(one.config).init, 0)
    step, state = Checkpoints(one.directory / "checkpoints", read_only=True).restore_latest(like)
    assert 0 < step < failure["step"]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    assert read_metrics(one.directory / "metrics.jsonl")[-1]["step"] < failure["step"]


def test_a_trial_that_diverges_keeps_its_last_good_state(tmp_path, survived):
    ((one, outcome),) = train(tmp_path, GROWS)
    assert_stopped_before_the_update(one, outcome)
    survived("R7", "a trial that diverges")


def test_in_a_program_of_several_the_others_end_as_if_none_had_diverged(tmp_path, survived):
    (wild, outcome), (calm, done) = train(tmp_path / "with", GROWS, 0.01)
    assert_stopped_before_the_update(wild, outcome)
    assert done == "done"
    _, (same, also_done) = train(tmp_path / "without", 0.02, 0.01)
    assert also_done == "done"
    assert trials.outcome(calm.directory, STEPS) == trials.outcome(same.directory, STEPS)
    survived("R7", "a trial that diverges beside another in one program")


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_step_with_nan_in_loss_or_gradient_is_not_taken(what, survived):
    """The square root of 0 has a finite value, and a gradient of 0 · ∞."""
    adding = rnnx.tasks.get("adding")()
    added = {"loss": lambda ys: jnp.nan * ys.sum(), "gradient": lambda ys: jnp.sqrt(0 * ys.sum())}[what]
    task = adding._replace(loss=lambda outputs, batch: adding.loss(outputs, batch) + added(outputs))
    sizes = {"length": 4, "batch_size": 2, "measure_batch_size": 2}
    made = program(rnnx.gru(3), task, steps_per_dispatch=2, measurements=(), **sizes)
    before = made.init(0)
    after, shown = made.train(made.init(0), Hyperparameters(0, 0.01))
    assert np.isfinite(shown.loss).all() == (what == "gradient")
    assert not np.isfinite(shown.gradient_norm).any()
    jax.tree.map(np.testing.assert_array_equal, after, before)
    survived("R7", f"NaN in the {what}")
