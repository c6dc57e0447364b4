"""What is special to the vanilla network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.cells.rnn import RNNParams, RNNState


@pytest.mark.parametrize(
    ("activation", "expected"), [("tanh", [-0.76159416, 0.9640276]), ("relu", [0.0, 2.0]), ("identity", [-1.0, 2.0])]
)
def test_activations(activation, expected):
    params = RNNParams(input_kernel=jnp.eye(2), recurrent_kernel=jnp.zeros((2, 2)), bias=jnp.zeros(2))
    cell = rnnx.rnn(2, activation=activation)
    h = cell.step(params, RNNState(h=jnp.ones(2)), jnp.array([-1.0, 2.0])).h
    np.testing.assert_allclose(h, expected, rtol=1e-6)  # float32 rounds at 6e-8


def test_the_default_is_tanh_without_bias():
    params = rnnx.rnn(3).init(jax.random.key(0), 2)
    assert jnp.all(params.bias == 0)
    h = rnnx.rnn(3).step(params, RNNState(h=jnp.zeros(3)), jnp.full(2, 1e3)).h
    assert jnp.all(jnp.abs(h) <= 1)


def test_an_unknown_activation_is_refused_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"^no activation named 'tahn'; did you mean 'tanh'\? Known: identity, relu, tanh\.$"
    ):
        rnnx.rnn(3, activation="tahn")
