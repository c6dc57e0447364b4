"""What is said of a state in the projector."""

import jax
import jax.numpy as jnp
import numpy as np

from experiments import build, config
from experiments.analysis.points import labels
from rnnx.types import Batch
from tests.experiments import study_small
from tests.helpers.texts import written


def test_marks_and_lags_are_those_of_the_data():
    given = config.parse(study_small.get_config())
    inputs = jnp.array([[[0.25, 0.0]], [[0.5, 1.0]], [[0.75, 0.0]]])
    batch = Batch(inputs, targets=jnp.array([[[0.0]], [[0.5]], [[0.0]]]), weights=jnp.array([[0.0], [1.0], [0.0]]))
    found = labels(given, batch, np.arange(4), np.zeros(4, int))
    assert found == {
        "lag": [2, 1, 0, -1],  # the step that is scored last is the second
        "marked": [False, False, True, False],
        "read": ["", "0.25", "0.5", "0.75"],
        "target": ["", "0", "0.5", "0"],
    }


def test_tokens_are_shown_as_characters_and_spaces_can_be_seen(tmp_path):
    base = study_small.get_config()
    base.task.name, base.task.path = (
        "characters",
        written(tmp_path, "To be, or not to be,\nthat is the question.\n" * 20),
    )
    given = config.parse(base)
    task = build.task(given)
    batch = task.sample_heldout(jax.random.key(0), 2, 5)
    found = labels(given, batch, np.arange(6), np.zeros(6, int))
    text = task.vocabulary.decode(np.asarray(batch.inputs)[:, 0]).replace(" ", "␣").replace("\n", "↵")
    assert "".join(found["read"]) == text
    assert found["target"][1:5] == found["read"][2:6]  # what comes next


def test_an_example_that_is_no_sequence_has_no_labels():
    given = config.parse(study_small.get_config())
    batch = Batch(jnp.zeros((3, 2)), jnp.zeros(2), weights=jnp.ones(2))
    assert labels(given, batch, np.arange(2), np.zeros(2, int)) == {}
