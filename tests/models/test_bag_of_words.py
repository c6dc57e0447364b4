"""The bag of words: the order of what came before is nothing to it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.gradient_flow import gradient_flow
from rnnx.models.bag_of_words import BagOfWords, bag
from rnnx.training.program import applying
from rnnx.types import Batch
from tests.helpers import compiled
from tests.helpers.text_task import markov, text_task
from tests.variants import assert_close, slow_unless

V, H = 7, 5
GRU = rnnx.gru(H)
TASK = text_task(markov(50, V), V)


def made(model, cell=GRU, task=TASK):
    """The model as a pure function, and its parameters."""
    model = functools.partial(model, cell, task)
    return applying(model), compiled.params(model)


def test_it_is_the_readout_of_a_hidden_layer_of_the_mean():
    apply, params = made(BagOfWords)
    tokens = np.array([[1, 2], [0, 6], [0, 3]])
    found = apply(params, Batch(tokens, None, None), rnnx.plain_run)
    p = jax.tree.map(lambda a: np.asarray(a, float), params)
    means = np.cumsum(p["embedding"]["embedding"][tokens], axis=0) / np.arange(1, 4)[:, None, None]
    hidden = np.tanh(means @ p["cells"]["cell"].kernel + p["cells"]["cell"].bias)
    expected = hidden @ p["readout"]["kernel"] + p["readout"]["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)  # a few roundings of float32


def test_what_follows_does_not_depend_on_the_order(float64):
    """`this is an` and `an is this`, which a recurrent network tells apart."""
    this_is_an = np.array([[1, 3], [2, 2], [3, 1]])
    for model, alike in ((BagOfWords, True), (rnnx.models.get("sequence"), False)):
        apply, params = made(model)
        params = jax.tree.map(lambda a: a.astype(float), params)
        one, other = apply(params, Batch(this_is_an, None, None), rnnx.plain_run)[-1]
        # Two roundings of a sum of three, of 1.1e-16 each; what differs does so by a tenth.
        assert np.allclose(one, other, rtol=1e-14, atol=1e-15) == alike


@pytest.mark.parametrize("engine", slow_unless(lambda engine: engine == "associative", ["scan", "associative", "loop"]))
def test_the_gradient_reaches_every_step_alike(float64, engine):
    """∂L/∂x_t = W (1 - y_T²) / T of L = Σ y_T, at every t; and ∂L/∂s_t is the same."""
    T = 6
    cell = bag(H)
    params = jax.tree.map(lambda a: a.astype(float), cell.init(jax.random.key(0), 3))
    xs = jax.random.normal(jax.random.key(1), (T, 2, 3))

    @jax.jit
    def flow(params, xs):
        found = gradient_flow(cell, params, xs, lambda ys: ys[-1].sum())
        return found.input_gradients, found.state_gradients.total

    def run(params, xs):
        return rnnx.unroll(cell, params, xs, engine=engine).outputs[-1]

    y = np.tanh(np.asarray(xs).mean(0) @ params.kernel + params.bias)
    expected = np.broadcast_to((1 - y**2) @ params.kernel.T / T, xs.shape)
    of_engine = jax.jit(jax.grad(lambda xs: run(params, xs).sum()))(xs)
    for found in (*flow(params, xs), of_engine):
        assert_close(found, expected)


def test_steps_that_do_not_count_are_not_counted():
    """Of an example of two steps and one of none, whose mean is of nothing."""
    cell = bag(H)
    params = cell.init(jax.random.key(0), 3)
    xs = jnp.full((4, 2, 3), jnp.nan).at[:2, 0].set(1)

    def loss(params, xs):
        trajectory = rnnx.unroll(cell, params, xs, lengths=jnp.array([2, 0]))
        return trajectory.outputs.sum(), trajectory.final_state

    (_, state), gradients = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(params, xs)
    np.testing.assert_array_equal(state.steps, [[2], [0]])
    np.testing.assert_array_equal(state.total, [[2] * 3, [0] * 3])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


def test_only_the_size_of_the_cell_matters():
    for cell in (rnnx.lstm(H), rnnx.cells.get("rntn")(H)):
        assert jax.tree.map(jnp.shape, made(BagOfWords, cell)[1]) == jax.tree.map(jnp.shape, made(BagOfWords)[1])


def test_numbers_are_added_up_as_they_are():
    adding = rnnx.tasks.get("adding")()
    apply, params = made(BagOfWords, task=adding)
    batch = compiled.sample(adding.sample, jax.random.key(0), 3, 4)
    assert apply(params, batch, rnnx.plain_run).shape == (4, 3, 1)
    assert params["cells"]["cell"].kernel.shape == (2, H)
