import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics._carry import carry_gradients
from rnnx.diagnostics.log_state_gradient import log10_state_norm, log_state_gradient
from rnnx.diagnostics.state_gradient import state_gradient
from rnnx.numerics import log10_norm
from tests.test_known_answers import driven_linear_cell
from tests.variants import B, T, example, of_two_parts, slow_unless

# A zero Jacobian, a state of two parts, no form, complex numbers, layers; all cells are in test_jacobian.py.
KINDS = ("rnn_relu", "lstm", "gru_reset_before", "lru", "stack")

H = 4
LENGTHS = (5, 3, 1, 4)
LINEAR = rnnx.rnn(H, activation="identity")


@functools.cache
def compiled(cell):
    """Of a loss with a direct part at every step."""

    def measure(params, xs, lengths):
        evidence = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2), lengths=lengths)
        return log10_state_norm(evidence), log10_norm(*jax.tree.leaves(carry_gradients(evidence)))

    return jax.jit(measure)


@pytest.mark.parametrize("variant", of_two_parts(KINDS))
def test_it_is_the_state_gradient_where_that_is_finite(float64, variant):
    """Of every cell, example and step, those past an example's length included, be there what may."""
    cell, params, _, xs = example(variant)
    padding = np.arange(T)[:, None] >= np.array(LENGTHS)
    xs = jnp.where(padding[..., None], jnp.nan, xs)
    found, expected = compiled(cell)(params, xs, jnp.array(LENGTHS))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)  # decades: some hundred roundings
    assert np.isneginf(np.asarray(found)[padding]).all()
    assert np.isfinite(found[0]).any()


@functools.cache
def of_last_output(T):
    def measure(params):
        evidence = rnnx.gradient_flow(LINEAR, params, jnp.ones((T, 2, 3)), lambda ys: jnp.sum(ys[-1]))
        return log_state_gradient(evidence)["log_state_gradient/log10_norm"], state_gradient(evidence)

    return jax.jit(measure)


@pytest.mark.parametrize("rho", slow_unless(lambda rho: rho in (0.5, 1.5), [0.1, 0.5, 1.0, 1.5]))
def test_two_hundred_decades_in_single_precision(rho):
    """U = ρQ: log10 ‖δ_{T-k}‖ = k log10 ρ + ½ log10 H, to lags at which float32 has long lost it; slope ln ρ."""
    T = 800
    params = LINEAR.init(jax.random.key(0), 3)
    measured, plain = of_last_output(T)(params._replace(recurrent_kernel=rho * params.recurrent_kernel))
    assert measured.dtype == jnp.float32
    expected = np.arange(T) * np.log10(rho) + np.log10(H) / 2
    # One more number is added to the logarithm at each step, always with the same rounding, of half a last digit.
    np.testing.assert_allclose(measured, expected, rtol=T * 2**-24, atol=2e-4)
    if rho < 1:
        assert expected[-1] < -200
        assert np.isneginf(plain["state_gradient/state/log10_norm"][-1])
    if rho > 1:
        assert not np.isfinite(plain["state_gradient/state/log10_norm"][-1])
    slope = np.polyfit(np.arange(T), np.asarray(measured, float) * np.log(10), 1)[0]
    np.testing.assert_allclose(slope, np.log(rho), rtol=T * 2**-24, atol=1e-6)


def test_direct_parts_of_any_size_are_added_at_any_step(float64):
    """h_t = a_t h_{t-1} with one number, whose gradient is Σ_j g_{t+j} a_{t+1} … a_{t+j}: by logarithms of the single
    terms, hundreds of decades apart and of either sign, with a zero factor between."""
    log10_a = np.array([0, -300, -250, 200, -999, 150, 150.0])  # the fifth: nothing passes
    signs = np.array([1, -1, 1, 1, 1, -1, 1.0])
    log10_g = np.array([-250, 200, 0, -999, np.log10(3) + 250, -300, np.log10(2)])
    g = np.array([1, -1, 1, 1, 1, 1, 1]) * 10**log10_g
    T = len(g)
    cell = driven_linear_cell(1)
    xs = jnp.asarray(signs * 10**log10_a)[:, None, None]

    # Nothing but gradients matters here; the states would overflow.
    @jax.jit
    def measure(xs):
        return log10_state_norm(rnnx.gradient_flow(cell, (), xs, lambda ys: jnp.sum(ys[:, 0, 0] * g)))

    found = measure(xs)
    expected = np.full(T, -np.inf)
    for t in range(T):
        logs = np.array([log10_g[t + j] + log10_a[t + 1 : t + j + 1].sum() for j in range(T - t)])
        sign = np.array([np.sign(g[t + j]) * signs[t + 1 : t + j + 1].prod() for j in range(T - t)])
        top = logs.max()
        expected[t] = top + np.log10(abs(np.sum(sign * 10 ** (logs - top))))
    expected[expected < -324] = -np.inf  # only by way of 10^-999, which is zero
    np.testing.assert_allclose(found[:, 0], expected, rtol=0, atol=1e-12)
    assert expected[0] == -100  # all of it from the second step
    assert np.isneginf(expected[3])


def test_a_gradient_of_exactly_zero_is_minus_infinity():
    """Behind the last step that is scored, and before a step at which nothing passes."""
    xs = jnp.array([1.0, 1.0, 0.0, 1.0, 1.0])[:, None, None]

    @jax.jit
    def measure(xs):
        return log10_state_norm(rnnx.gradient_flow(driven_linear_cell(1), (), xs, lambda ys: ys[3].sum()))

    np.testing.assert_array_equal(measure(xs)[:, 0], [-np.inf, -np.inf, 0, 0, -np.inf])


def test_the_measurement_counts_lags_back_from_each_last_step(float64):
    cell, params, _, xs = example("gru")
    lengths = jnp.array(LENGTHS)

    @jax.jit
    def measure(params, xs):
        def loss(ys):
            return jnp.sum(ys[lengths - 1, jnp.arange(B)])

        evidence = rnnx.gradient_flow(cell, params, xs, loss, lengths=lengths)
        return log_state_gradient(evidence), state_gradient(evidence)

    measured, plain = measure(params, xs)
    for suffix in ("", "_q25", "_q75"):
        np.testing.assert_allclose(
            measured[f"log_state_gradient/log10_norm{suffix}"],
            plain[f"state_gradient/state/log10_norm{suffix}"],
            rtol=0,
            atol=1e-13,
        )
