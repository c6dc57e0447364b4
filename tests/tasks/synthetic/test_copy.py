"""Copying: what is to be said is what was read, in its order."""

import jax
import numpy as np

from rnnx.tasks.synthetic.copy import copy
from rnnx.tasks.synthetic.reverse import reverse

TASK = copy()


def test_the_target_is_the_source_and_the_decoder_is_given_the_step_before():
    batch = TASK.sample(jax.random.key(0), 50, 7)
    assert set(batch.lengths.tolist()) == set(range(1, 8))
    for b, n in enumerate(batch.lengths.tolist()):
        source, given = (np.asarray(batch.inputs[k][:n, b]) for k in (0, 1))
        target = np.asarray(batch.targets[:n, b])
        np.testing.assert_array_equal(target, source)
        np.testing.assert_array_equal(given, [8, *target[:-1]])
        assert batch.weights[:, b].tolist() == [1] * n + [0] * (7 - n)


def test_sources_are_those_of_reversing_and_what_is_framed_is_what_is_said_last():
    ours, theirs = (task.sample(jax.random.key(1), 3, 7) for task in (TASK, reverse()))
    np.testing.assert_array_equal(ours.inputs.source, theirs.inputs.source)
    for task, batch in ((TASK, ours), (reverse(), theirs)):
        example = task.example(batch)
        (mark,) = example.marks
        assert example.data["pieces"][mark] == example.data["target"]
