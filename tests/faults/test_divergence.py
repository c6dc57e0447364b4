"""R7: where loss or gradient stops being finite, training stops before the update and the other trials go on."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from experiments import build
from experiments.config import parse
from experiments.trials import loop
from experiments.trials.trial import Trial, TrialGroup
from rnnx.logbook import Checkpoints, read_metrics
from rnnx.training.program import Hyperparameters, program
from tests.experiments import study_small
from tests.faults import trials
from tests.helpers import hparams

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
    loop.run(TrialGroup(group, len(group)), news.append)
    ends = {update.trial: update.outcome for update in news if update.outcome}
    return [(one, ends[one.name]) for one in group]


def assert_stopped_before_the_update(one, outcome):
    failure = json.loads((one.directory / "FAILED.json").read_text())
    assert failure["diverged"] is True
    assert failure["error"] == outcome
    assert f"not finite at step {failure['step']}" in outcome
    assert not (one.directory / "DONE.json").exists()
    like = jax.eval_shape(build.program(one.config).init, 0)
    step, state = Checkpoints(one.directory / "checkpoints", read_only=True).restore_latest(like)
    assert 0 < step < failure["step"]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    assert read_metrics(one.directory / "metrics.jsonl")[-1]["step"] < failure["step"]


def test_a_trial_that_diverges_keeps_its_last_good_state(tmp_path, survived):
    ((one, outcome),) = train(tmp_path, GROWS)
    assert_stopped_before_the_update(one, outcome)
    survived("R7", "a trial that diverges")


@pytest.mark.slow
def test_in_a_program_of_several_the_others_end_as_if_none_had_diverged(tmp_path, survived):
    (wild, outcome), (calm, done) = train(tmp_path / "with", GROWS, 0.01)
    assert_stopped_before_the_update(wild, outcome)
    assert done == "done"
    calmly, wildly = hparams.page(tmp_path / "with").rows  # by the held-out loss, lowest first
    assert (calmly.name, calmly.status) == (str(calm.config.learning_rate), "STATUS_SUCCESS")
    assert calmly.metrics["final/heldout/loss"] == read_metrics(calm.directory / "metrics.jsonl")[-1]["heldout/loss"]
    assert (wildly.status, wildly.metrics) == ("STATUS_FAILURE", {"final/failed": 1.0})
    _, (same, also_done) = train(tmp_path / "without", 0.02, 0.01)
    assert also_done == "done"
    assert trials.outcome(calm.directory, STEPS) == trials.outcome(same.directory, STEPS)
    survived("R7", "a trial that diverges beside another in one program")


@pytest.mark.slow
def test_flossing_of_a_network_whose_units_are_off_says_what_is_wrong(tmp_path, survived):
    """Of relu units about half are, and J_t has no more directions than there are others."""
    given = study_small.get_config()
    given.cell.name, given.cell.activation = "rnn", "relu"
    given.objective.flossing_steps, given.objective.flossing_exponents = 10, 4
    one = Trial("relu", parse(given), tmp_path / "relu")
    news = []
    loop.run(TrialGroup((one,), 1), news.append)
    failure = json.loads((one.directory / "FAILED.json").read_text())
    assert failure["error"] == news[-1].outcome
    assert failure["step"] == 1
    assert (
        "at step 1: flossing has no gradient where one of the 4 largest Lyapunov exponents is -inf" in failure["error"]
    )
    assert "lower flossing_exponents" in failure["error"]
    survived("R7", "flossing of more directions than there are")


@pytest.mark.parametrize("what", [pytest.param("loss", marks=pytest.mark.slow), "gradient"])
def test_a_step_with_nan_in_loss_or_gradient_is_not_taken(what, survived):
    """In one and not in the other: a constant has no gradient; the square root of 0 is 0, and its gradient 0 · ∞."""
    adding = rnnx.tasks.get("adding")()
    added = {"loss": lambda ys: jnp.nan, "gradient": lambda ys: jnp.sqrt(0 * ys.sum())}[what]
    task = adding._replace(losses=lambda outputs, batch: adding.losses(outputs, batch) + added(outputs))
    sizes = {"length": 4, "batch_size": 2, "measure_batch_size": 2}
    model = functools.partial(rnnx.models.get("sequence"), rnnx.gru(3), task)
    made = program(model, task, steps_per_dispatch=2, diagnostics=(), **sizes)
    before = made.init(0)
    after, shown = made.train(made.init(0), Hyperparameters(0, 0.01))
    assert np.isfinite(shown.loss).all() == (what == "gradient")
    assert np.isfinite(shown.gradient_norm).all() == (what == "loss")
    jax.tree.map(np.testing.assert_array_equal, after, before)
    survived("R7", f"NaN in the {what}")
