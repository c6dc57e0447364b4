"""What is special to the minimal GRU."""

import jax
import jax.numpy as jnp
import numpy as np

import rnnx
from rnnx.cells.mingru import MinGRUParams, MinGRUState
from tests.reference import sigmoid
from tests.variants import VARIANTS, H, assert_close, example


def one_unit(z, n):
    """Parameters of one unit with one input that make the arguments of z and n so many times x."""
    return MinGRUParams(input_kernel=jnp.array([[float(z), float(n)]]), bias=jnp.zeros(2))


def test_the_gate_is_that_of_the_equation_and_does_not_see_the_state(float64):
    cell, params, state, xs = example("mingru")
    p = VARIANTS["mingru"].numpy().unpack(params)
    gates = cell.gates(params, state, xs[0])
    assert_close(gates, {"update": jnp.asarray(sigmoid(xs[0] @ p["W_z"] + p["b_z"]))})
    assert_close(cell.gates(params, jax.tree.map(jnp.zeros_like, state), xs[0]), gates, rtol=0, atol=0)


def test_the_update_gate_keeps_the_old_state_where_it_is_one(float64):
    """As in `gru`; in Feng et al. 2024 z and 1 - z are exchanged."""
    cell, params, state, xs = example("mingru")
    params = params._replace(bias=params.bias.at[:H].set(1e3))
    assert_close(cell.step(params, state, xs[0]), state, rtol=0, atol=0)  # σ(1000) is 1 to the last digit


def test_the_candidate_is_linear(float64):
    """Of either sign, and in proportion to x where the gate does not depend on it."""
    cell = rnnx.mingru(1)
    after = lambda x: float(cell.step(one_unit(0, 3), MinGRUState(jnp.zeros(1)), jnp.array([x])).h[0])  # noqa: E731
    np.testing.assert_allclose([after(1.0), after(-2.0)], [1.5, -3.0], rtol=1e-15)


def test_what_a_nearly_closed_gate_lets_in_is_not_rounded_away():
    """1 - σ(40) is 0 in single precision, σ(-40) is not."""
    after = rnnx.mingru(1).step(one_unit(40, 1), MinGRUState(jnp.zeros(1)), jnp.ones(1))
    np.testing.assert_allclose(after.h, sigmoid(-40.0), rtol=1e-5)  # the exponent of 40 rounded to 24 bits, 2e-6


def test_extreme_gates_give_finite_values_and_gradients():
    """One unit never lets anything in, the other takes its candidate 2 at each of 3 steps."""
    cell = rnnx.mingru(2)
    params = MinGRUParams(input_kernel=jnp.array([[1e4, -1e4, 2, 2]]), bias=jnp.zeros(4))

    def loss(params, xs):
        outputs = rnnx.unroll(cell, params, xs, engine="associative").outputs
        return jnp.sum(outputs), outputs

    gradients, outputs = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))(params, jnp.ones((3, 1)))
    np.testing.assert_array_equal(outputs, [[0, 2]] * 3)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
