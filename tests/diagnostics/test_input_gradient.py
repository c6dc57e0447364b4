import jax
import jax.numpy as jnp
import numpy as np

import rnnx
from rnnx.diagnostics.input_gradient import input_gradient
from rnnx.diagnostics.state_gradient import state_gradient
from tests.variants import H, T, assert_close, example, like


def test_it_is_the_norm_of_the_gradient_of_the_input_at_each_lag(float64):
    cell, params, _, xs = example("gru", batch_shape=(1,))

    @jax.jit
    def measure(params, xs):
        evidence = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys[3] ** 2), lengths=jnp.array([4]))
        return evidence.input_gradients, input_gradient(evidence)

    gradients, measured = measure(params, xs)
    norms = np.linalg.norm(gradients[:, 0], axis=-1)
    for q in ("", "_q25", "_q75"):
        curve = measured[f"input_gradient/log10_norm{q}"]
        assert_close(curve[:4], np.log10(norms[3::-1]))
        assert jnp.isnan(curve[4:]).all()  # T = 5 steps, but lags 0 … 3


def test_it_follows_the_state_gradient_where_the_input_is_added_to_the_state(float64):
    """h_t = x_t + h_{t-1} U: ∂L/∂x_t = ∂L/∂h_t."""
    cell, params, _, _ = example("rnn_identity")
    params = params._replace(input_kernel=jnp.eye(H))
    xs = like(jnp.zeros((T, 3, H)), seed=0)

    @jax.jit
    def measure(params, xs):
        evidence = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2))
        return input_gradient(evidence) | state_gradient(evidence)

    measured = measure(params, xs)
    assert_close(measured["input_gradient/log10_norm"], measured["state_gradient/h/log10_norm"])
