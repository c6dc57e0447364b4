import jax
import jax.numpy as jnp
import numpy as np

import rnnx
from rnnx.diagnostics.hidden_units import hidden_units
from tests.variants import H, I, T, example


def measure(cell, params, xs, lengths):
    return jax.jit(lambda p, x: hidden_units(rnnx.gradient_flow(cell, p, x, jnp.sum, lengths=lengths)))(params, xs)


def test_it_counts_the_outputs(float64):
    """Up to each example's last step, with the state after each step."""
    cell, params, _, xs = example("rnn")
    lengths = np.array([5, 3, 0, 1])
    measured = measure(cell, params, 3 * xs, jnp.asarray(lengths))
    ys = np.asarray(rnnx.unroll(cell, params, 3 * xs).outputs)[np.arange(T)[:, None] < lengths]
    counts, _ = np.histogram(ys, bins=40, range=(-1, 1))
    np.testing.assert_array_equal(measured["hidden_units/histogram"].counts, counts)
    saturated = (1 - np.abs(ys) < 0.05).mean()
    assert 0.1 < saturated < 0.9, "the example should have both kinds of units"
    np.testing.assert_allclose(measured["hidden_units/saturated"], saturated, rtol=1e-12)  # rounding of 27 terms


def test_units_beyond_the_range_fall_in_the_outermost_bins():
    cell, params, _, _ = example("rnn_identity")
    xs = jnp.zeros((1, 2, I)).at[0, 1].set(1e6)
    params = params._replace(input_kernel=jnp.ones((I, H)), bias=jnp.full(H, -7.0))
    measured = measure(cell, params, xs, jnp.ones(2, int))
    assert measured["hidden_units/histogram"].counts.tolist() == [H] + [0] * 38 + [H]
    assert measured["hidden_units/saturated"] == 1


def test_dead_units_are_those_that_are_zero_at_every_step_of_every_example(float64):
    """A unit that is on once, in one example, is not dead; what lies past an example's length does not count."""
    cell = rnnx.residual(rnnx.rnn(H, activation="relu"))  # y_t = x_t + h_t, which x_t in the padding would show in
    params = cell.init(jax.random.key(0), H)
    params = params._replace(
        input_kernel=jnp.zeros((H, H)), recurrent_kernel=jnp.zeros((H, H)), bias=jnp.array([-100.0, -3.0, 0.5])
    )
    off = jnp.zeros((T, 2, H))
    once = off.at[1, 1, 1].set(2.0)
    for xs, lengths, dead in ((off, [T, T], 2), (once, [T, T], 1), (once, [T, 1], 2)):
        measured = measure(cell, params, xs, jnp.array(lengths))
        np.testing.assert_allclose(measured["hidden_units/dead"], dead / H, rtol=1e-12)  # one rounding
    measured = measure(cell, params, off.at[1, 1].set(jnp.nan), jnp.array([T, T]))
    assert jnp.isnan(measured["hidden_units/dead"])
