"""The loss at other lengths is that of sequences of these lengths, and where it stops is told."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.readings import Reader
from rnnx.readings.loss_by_length import loss_by_length
from rnnx.training.program import mean_loss, mean_scores

PARITY = rnnx.tasks.get("parity")()


class Known(nnx.Module):
    """The right answer with certainty up to a length, and none after that."""

    def __init__(self, up_to):
        self.up_to = up_to

    def __call__(self, batch, run=rnnx.plain_run):
        parity = jnp.sum(batch.inputs[..., 0], axis=0) % 2
        right = 9.0 * jax.nn.one_hot(parity.astype(jnp.int32), 2)
        T = len(batch.inputs)
        return jnp.broadcast_to(right if self.up_to >= T else 0 * right, (T, *right.shape))


def reader(model, task=PARITY, length=6):
    graphdef, params = nnx.split(model)
    return Reader(graphdef, nnx.to_pure_dict(params), rnnx.plain_run, task, length)


@pytest.mark.parametrize(("up_to", "longest"), [(5, 0), (6, 6), (23, 12), (24, 24), (1000, 60)])
def test_the_longest_is_the_last_before_the_first_at_which_nothing_is_remembered(up_to, longest):
    values = loss_by_length(reader(Known(up_to)))
    assert values["loss_by_length/steps"].tolist() == [6, 12, 24, 60]
    assert values["loss_by_length/longest"] == longest
    is_known = np.array([6, 12, 24, 60]) <= up_to
    assert (values["loss_by_length/score/accuracy"] == 1).tolist() == is_known.tolist()
    # ln(1 + e^-9) where it is certain, else ln 2; float32 rounds at 6e-8.
    expected = np.where(is_known, np.log1p(np.exp(-9.0)), np.log(2))
    np.testing.assert_allclose(values["loss_by_length/loss"], expected, rtol=1e-3)
    np.testing.assert_allclose(values["loss_by_length/without_memory"], np.log(2))


def test_loss_and_scores_are_those_of_the_task():
    task = rnnx.tasks.get("anbn")()  # of several lengths
    model = rnnx.models.get("sequence")(rnnx.gru(4), task, rngs=nnx.Rngs(0))
    values = loss_by_length(reader(model, task))
    batch = task.sample_heldout(jax.random.key(0), 256, 12)
    outputs = model(batch)
    np.testing.assert_allclose(values["loss_by_length/loss"][1], mean_loss(task, outputs, batch), rtol=1e-5)  # float32
    for name, score in mean_scores(task, outputs, batch).items():
        np.testing.assert_allclose(values[f"loss_by_length/score/{name}"][1], score, rtol=1e-5)


def test_trials_of_one_program_are_compiled_once():
    lengths = []

    def sample(key, batch_size, length):
        lengths.append(length)
        return PARITY.sample(key, batch_size, length)

    task = PARITY._replace(sample_heldout=sample)
    made = functools.partial(rnnx.models.get("sequence"), rnnx.gru(2), task)
    for seed in (0, 1):
        loss_by_length(reader(made(rngs=nnx.Rngs(seed)), task))
    assert lengths == [6, 12, 24, 60]
