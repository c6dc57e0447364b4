"""The readout of several steps: what it sees, and that the sequence model is one of a window of 1."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.models.windowed import Windowed
from rnnx.training.program import applying
from rnnx.types import Batch
from tests.helpers import compiled

TASK = rnnx.tasks.get("adding")()
GRU = rnnx.gru(3)
T, B = 6, 2
BATCH = Batch(jax.random.normal(jax.random.key(2), (T, B, 2)), None, None, jnp.array([T, 4]))


def made(model, **options):
    model = functools.partial(model, GRU, TASK, **options)
    return applying(model), compiled.params(model)


@pytest.mark.parametrize("window", [1, 4, 6])
def test_an_output_is_of_the_outputs_of_the_cell_at_the_last_steps(window):
    apply, params = made(Windowed, window=window)
    outputs = np.asarray(apply(params, BATCH, rnnx.plain_run), float)
    ys = np.asarray(rnnx.unroll(GRU, params["cells"]["cell"], BATCH.inputs, lengths=BATCH.lengths).outputs, float)
    kernel, bias = (np.asarray(params["readout"][name], float) for name in ("kernel", "bias"))
    for t in range(T):
        seen = np.zeros((B, window, 3))
        for k in range(min(window, t + 1)):
            seen[:, window - 1 - k] = ys[t - k]
        np.testing.assert_allclose(outputs[t], seen.reshape(B, -1) @ kernel + bias, rtol=1e-5, atol=1e-6)  # float32


def test_by_the_whole_window_the_loss_reaches_every_output_directly():
    """Which is what is different from a classifier of the last state."""
    for window, reached in ((T, T), (2, 2)):
        apply, params = made(Windowed, window=window)

        def loss(params, run, apply=apply):
            return apply(params, BATCH._replace(lengths=None), run)[-1].sum()

        *_, flows = rnnx.gradient_flows(loss, params)
        direct = np.abs(flows["cell"].output_gradients).sum(axis=(1, 2)) > 0
        assert direct.tolist() == [False] * (T - reached) + [True] * reached


def test_the_published_network_of_mnist1d_has_its_parameters():
    """GRU of 6 units both ways over one number a step, the candidate of two biases, and a readout of 40 steps."""
    task = TASK._replace(input_size=1, output_size=10)
    model = Windowed(rnnx.gru(6), task, window=40, bidirectional=True, rngs=nnx.Rngs(0))
    count = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model)))
    assert count == 2 * (18 * (1 + 6 + 1) + 6) + 40 * 12 * 10 + 10


def test_a_window_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"^window must be a whole number of at least 1, not 0\.$"):
        Windowed(GRU, TASK, window=0, rngs=nnx.Rngs(0))
