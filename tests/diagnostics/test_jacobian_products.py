"""Singular values of products of Jacobians, against closed forms and products that NumPy multiplies out."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.jacobian_products import jacobian_products
from rnnx.dynamics.jacobians import flat_step, pull
from rnnx.dynamics.singular_values import jacobian_singular_values
from tests.dynamics.test_orthogonal import compound
from tests.test_known_answers import driven_linear_cell, linear_rnn, orthogonal
from tests.variants import B, H, T, example, of_two_parts, slow_unless

# A zero Jacobian, a state of two parts, no form, complex numbers, layers; all cells are in test_jacobian.py.
KINDS = ("rnn_relu", "lstm", "gru_reset_before", "lru", "stack")

pytestmark = pytest.mark.usefixtures("float64")


@functools.cache
def compiled(cell):
    return jax.jit(lambda params, xs, state=None: jacobian_singular_values(cell, params, xs, state))


def driven(A):
    """Log singular values of A_T … A_{T-k+1} for a sequence of matrices [T, S, S]."""
    T, S, _ = A.shape
    xs = jnp.asarray(A.reshape(T, S * S))
    return np.asarray(compiled(driven_cell(S))((), xs).log)


driven_cell = functools.cache(driven_linear_cell)


@pytest.mark.parametrize("rho", slow_unless(lambda rho: rho == 0.9, [1.0, 0.9, 1.1]))
def test_a_linear_orthogonal_rnn_has_condition_number_one_at_every_lag(rho):
    """U = ρQ: σ_i = ρ^k for all i, over 2000 steps, 190 nats."""
    T, H = 2000, 5
    cell, params = linear_rnn(rho * orthogonal(H))
    found = compiled(cell)(params, jnp.zeros((T, 2, H)))
    k = np.arange(T + 1)[:, None, None]
    # A rounding (of numbers up to 190) at each step, and those of the entries of Q.
    np.testing.assert_allclose(found.log, np.broadcast_to(k * np.log(rho), (T + 1, 2, H)), atol=T * 2e-15)
    np.testing.assert_allclose(found.log10_condition, 0, atol=T * 2e-15)
    np.testing.assert_allclose(found.log10_frobenius, found.log10_max + np.log10(H) / 2, rtol=0, atol=1e-12)


@pytest.mark.parametrize("variant", of_two_parts(KINDS))
def test_every_cell_equals_its_jacobians_multiplied_out(variant):
    """By NumPy, from the Jacobians of test_jacobian.py."""
    cell, params, state, xs = example(variant, steps=3)
    flat, step = flat_step("test", cell, params, state, 1)
    identity = jnp.broadcast_to(jnp.eye(flat.size), (B, flat.size, flat.size))
    jacobian = jax.jit(lambda s, x: (pull(step, s, x, identity), step(s, x)))
    s, J = flat.pack(state), []
    for x in xs:
        J_t, s = jacobian(s, x)
        J.append(np.asarray(J_t))
    found = compiled(cell)(params, xs, state)
    product = np.eye(flat.size)
    for k in range(1, 4):
        product = product @ J[-k]
        expected = np.linalg.svd(product, compute_uv=False)
        # NumPy's small singular values are off by some ε σ_max.
        np.testing.assert_allclose(np.exp(found.log[k]), expected, rtol=1e-12, atol=1e-14 * expected.max())


def test_jacobians_that_do_not_commute_are_multiplied_in_the_order_of_time():
    """A_T … A_{T-k+1}; A_{T-k+1} … A_T has other singular values."""
    A = np.random.default_rng(0).standard_normal((6, 3, 3))
    found = driven(A)
    np.testing.assert_array_equal(found[0], 0)
    np.testing.assert_allclose(np.exp(found[1]), np.linalg.svd(A[-1], compute_uv=False), rtol=1e-13)
    for k in range(2, 7):
        singular = np.linalg.svd(np.linalg.multi_dot(A[: -k - 1 : -1]), compute_uv=False)
        # The condition numbers are up to 1e4, so NumPy keeps 12 digits of the smallest.
        np.testing.assert_allclose(np.exp(found[k]), singular, rtol=1e-11)
        turned = np.linalg.svd(np.linalg.multi_dot(A[-k:]), compute_uv=False)
        assert k < 3 or np.abs(np.log(turned / singular)).max() > 0.1


def test_singular_values_hundreds_of_nats_apart_keep_their_digits():
    """A product of 400 Gaussian matrices, its singular values up to 500 nats apart, by products of compounds, whose
    largest singular value is that of the first j together."""
    T, S = 400, 4
    A = np.random.default_rng(1).standard_normal((T, S, S))
    found = driven(A)
    assert found[-1, 0] - found[-1, -1] > 400
    for j in range(1, S + 1):
        product, scale = np.eye(len(compound(A[0], j))), 0.0
        expected = [0.0]
        for A_t in A[::-1]:
            product = product @ compound(A_t, j)
            norm = np.linalg.norm(product, 2)
            product, scale = product / norm, scale + np.log(norm)
            expected.append(scale)
        # 400 matrices of condition numbers up to 1e3 or so, each with errors of 1e-16 times that.
        np.testing.assert_allclose(found[:, :j].sum(axis=1), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("slopes", [(-2.0, -0.5, 0.5, 1.0, 2.0), (-2.0, -2.0, 0.0, 2.0, 2.0)])
def test_given_singular_values_come_out_a_thousand_nats_apart(slopes):
    """A_t = Q_t diag(e^a) Q_{t-1}ᵀ with any orthogonal Q: ln σ_i = a_i k, beyond the range of float64."""
    T, S = 300, len(slopes)
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((T + 1, S, S)))[0]
    A = Q[1:] * np.exp(slopes) @ Q[:-1].swapaxes(1, 2)
    expected = np.arange(T + 1)[:, None] * np.sort(slopes)[::-1]
    # Entries of A are rounded, which moves the smallest singular value, e^{-4} of the largest, by 1e-14 each step.
    np.testing.assert_allclose(driven(A), expected, atol=T * 2e-14)


def test_what_is_lost_in_one_step_is_minus_infinity():
    """From the step on at which a Jacobian has rank 2, and from that at which it is zero."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((10, 4, 4))
    A[5] = rng.standard_normal((4, 2)) @ rng.standard_normal((2, 4))  # k = 5 is the product behind it
    A[1] = 0
    found = driven(A)
    assert np.isfinite(found[:5]).all()
    assert np.isfinite(found[5:9, :2]).all()
    assert np.isneginf(found[5:9, 2:]).all()
    assert np.isneginf(found[9:]).all()
    derived = compiled(driven_cell(4))((), jnp.asarray(A.reshape(10, 16)))
    assert np.isfinite(derived.log10_frobenius[:9]).all()
    assert np.isneginf(derived.log10_frobenius[9:]).all()
    assert np.isneginf(derived.log10_min[5:]).all()
    assert np.isfinite(derived.log10_condition[:5]).all()
    assert np.isposinf(derived.log10_condition[5:]).all()


@pytest.mark.slow
def test_without_recurrent_weights_an_lstm_keeps_sigma_of_its_forget_bias():
    """∂c_T/∂c_{T-k} = σ(b_f)^k, and nothing passes through h: as many singular values are zero."""
    H, k = 3, np.arange(1, 21)
    cell = rnnx.lstm(H, forget_bias=1.0)
    params = cell.init(jax.random.key(0), 2)._replace(recurrent_kernel=jnp.zeros((H, 4 * H)))
    found = compiled(cell)(params, jnp.zeros((20, 2)))
    assert np.isneginf(found.log[1:, H:]).all()
    # c = 0, so h_T = o tanh(c_T) adds o = σ(0) to the column of each c: √(1 + ¼) in all.
    expected = -k * np.log1p(np.exp(-1.0)) + np.log(1.25) / 2
    np.testing.assert_allclose(found.log[1:, :H], np.broadcast_to(expected[:, None], (20, H)), rtol=0, atol=1e-13)


def test_the_measurement_summarises_examples_by_lag():
    """Quartiles, each example counted back from its own last step."""
    cell, params, _, xs = example("rnn")
    lengths = [5, 3, 3, 5]

    @jax.jit
    def measure(params, xs):
        return jacobian_products(rnnx.gradient_flow(cell, params, xs, jnp.sum, lengths=jnp.array(lengths)))

    @jax.jit
    def quartiles(values):
        return jnp.quantile(values, jnp.array([0.25, 0.5, 0.75]), axis=0, method="nearest")

    measured = measure(params, xs)
    xs = np.asarray(xs)
    single = [jax.device_get(compiled(cell)(params, xs[:length, b])) for b, length in enumerate(lengths)]
    for k in range(T):
        there = [b for b, length in enumerate(lengths) if k < length]
        for name, field in [
            ("sigma_max", "log10_max"),
            ("sigma_min", "log10_min"),
            ("frobenius", "log10_frobenius"),
            ("condition", "log10_condition"),
        ]:
            values = [getattr(single[b], field)[k] for b in there]
            for suffix, expected in zip(("_q25", "", "_q75"), quartiles(np.array(values)), strict=True):
                found = measured[f"jacobian_products/log10_{name}{suffix}"][k]
                np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12, err_msg=name)  # two compilations
    rates = np.array([single[b].log[length] / length for b, length in enumerate(lengths)])
    _, expected, _ = quartiles(rates)
    np.testing.assert_allclose(measured["jacobian_products/log_singular_values"], expected, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_the_gradient_stays_between_the_singular_values():
    """σ_min ‖δ_T‖ ≤ ‖δ_{T-k}‖ ≤ σ_max ‖δ_T‖ for a loss at the last step, which is what the measurement is for."""
    cell, params, state, xs = example("gru_reset_before")
    found = compiled(cell)(params, xs, jax.tree.map(jnp.zeros_like, state))
    flow = jax.jit(lambda params, xs: rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys[-1])))(params, xs)
    gradient = flow.log10_state_norm[::-1] - flow.log10_state_norm[-1]
    slack = 1e-12  # rounding
    assert (gradient <= found.log10_max[:-1] + slack).all()
    assert (gradient >= found.log10_min[:-1] - slack).all()
    assert (found.log10_max - found.log10_min)[1:].min() > 0.05, "else this would say nothing"


def test_a_nan_in_the_state_is_seen_even_where_no_jacobian_depends_on_it():
    cell, params, state, xs = example("lru")
    found = compiled(cell)(params, xs.at[0, 1].set(jnp.nan), state)
    assert np.isnan(found.log[:, 1]).all()
    assert not np.isnan(np.asarray(found.log)[:, [0, 2, 3]]).any()


def test_a_second_call_does_not_compile():
    cell, params, state, xs = example("gru_reset_before")
    before = compiled(cell)(params, xs, state).log
    compilations = compiled(cell)._cache_size()
    assert before.shape == (T + 1, B, H)
    compiled(cell)(params, 2 * xs, state)
    assert compiled(cell)._cache_size() == compilations
