"""The model: what it is made of, and that pure parameters are all there is to it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx import model
from rnnx.types import Batch


@pytest.mark.parametrize("name", rnnx.cells.names())
def test_outputs_are_the_readout_of_the_unrolled_cell(name):
    cell, task = rnnx.cells.get(name)(5), rnnx.tasks.get("adding")()
    graphdef, params = model.split(cell, task, jax.random.key(0))
    batch = task.sample(jax.random.key(1), 3, 7)
    ys = rnnx.unroll(cell, params["cell"], batch.inputs).outputs
    expected = ys @ params["readout"]["kernel"] + params["readout"]["bias"]
    # The same products in the same order: equal but for fusion by the compiler, a few float32 roundings.
    np.testing.assert_allclose(nnx.merge(graphdef, params)(batch), expected, rtol=1e-6, atol=1e-6)


def test_whole_numbers_are_embedded():
    task = rnnx.tasks.get("adding")()._replace(discrete=True, input_size=11, output_size=11)
    graphdef, params = model.split(rnnx.gru(4), task, jax.random.key(0))
    tokens = jnp.array([[1, 2], [10, 0]])
    batch = Batch(tokens, tokens, jnp.ones((2, 2)))
    merged = nnx.merge(graphdef, params)
    np.testing.assert_array_equal(merged.embed(batch), params["embedding"]["embedding"][tokens])
    assert merged(batch).shape == (2, 2, 11)


def test_parameters_depend_on_the_key_only():
    task = rnnx.tasks.get("adding")()
    one, same, other = (model.split(rnnx.lstm(4), task, jax.random.key(k))[1] for k in (0, 0, 1))
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a == b).all()), one, same)))
    assert not bool((one["cell"].input_kernel == other["cell"].input_kernel).any())


def test_evidence_is_of_the_last_scored_step_alone():
    """What is measured on a many-to-many task equals what is measured when only the last scored step has a weight."""
    cell, task = rnnx.rnn(4), rnnx.tasks.get("adding")()
    graphdef, params = model.split(cell, task, jax.random.key(0))
    many = task.sample(jax.random.key(1), 3, 7)._replace(weights=jnp.ones((7, 3)).at[5:, 1].set(0.0))
    last = jnp.zeros((7, 3)).at[6, 0].set(1.0).at[4, 1].set(1.0).at[6, 2].set(1.0)
    found = model.evidence_of(nnx.merge(graphdef, params), task, many)
    np.testing.assert_array_equal(found.last, [6, 4, 6])

    def loss(cell_params):
        ys = rnnx.unroll(cell, cell_params, many.inputs).outputs
        return task.loss(ys @ params["readout"]["kernel"] + params["readout"]["bias"], many._replace(weights=last))

    # Two backward passes of the same sums, compiled differently: a few float32 roundings.
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7),
        found.flow.param_gradients,
        jax.grad(loss)(params["cell"]),
    )
    assert bool((found.flow.state_gradients.h[5:, 1] == 0).all())
    assert bool((found.flow.state_gradients.h[4, 1] != 0).all())
