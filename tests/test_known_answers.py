"""What theory says the gradient must be, in float64."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx import engines
from rnnx.cells.gru import GRUState
from rnnx.cells.lstm import LSTMState
from rnnx.cells.rnn import RNNParams, RNNState
from rnnx.types import Array, Cell

pytestmark = pytest.mark.usefixtures("float64")

# Rounding of float64 (1.1e-16) in a chain of T ≤ 40 products of small matrices, relative to the result.
RTOL = 1e-13


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def orthogonal(size, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]


def linear_rnn(U):
    """A linear recurrent network h_t = x_t + h_{t-1} U, and its parameters."""
    H = len(U)
    params = RNNParams(input_kernel=jnp.eye(H), recurrent_kernel=jnp.asarray(U), bias=jnp.zeros(H))
    return rnnx.rnn(H, activation="identity"), params


@pytest.mark.parametrize("rho", [1.0, pytest.param(0.9, marks=pytest.mark.slow), 1.1])
def test_a_linear_orthogonal_rnn_scales_the_gradient_by_rho_each_step(rho):
    """U = ρQ: ‖δ_{T-k}‖ = ρ^k ‖δ_T‖; at ρ = 1 nothing vanishes or explodes."""
    T, B, H = 40, 2, 5
    cell, params = linear_rnn(rho * orthogonal(H))
    xs = jnp.asarray(np.random.default_rng(1).standard_normal((T, B, H)))
    flow = jax.jit(lambda params, xs: rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys[-1])))(params, xs)
    lag = np.arange(T)[::-1, None]
    norms = np.linalg.norm(flow.state_gradients.h, axis=-1)
    np.testing.assert_allclose(norms, np.broadcast_to(rho**lag * np.sqrt(H), (T, B)), rtol=RTOL)


@pytest.mark.parametrize("rho", [1.0, pytest.param(0.9, marks=pytest.mark.slow), 1.1])
def test_a_linear_orthogonal_rnn_has_one_lyapunov_exponent_and_condition_number_one(rho):
    """All singular values of ∂h_T/∂h_0 = (ρQ)^T are ρ^T: condition number 1, λ_i = (ln σ_i) / T = ln ρ."""
    T, H = 40, 5
    cell, params = linear_rnn(rho * orthogonal(H))
    xs = jnp.asarray(np.random.default_rng(1).standard_normal((T, H)))
    product = jax.jit(jax.jacobian(lambda h: rnnx.unroll(cell, params, xs, RNNState(h)).final_state.h))(np.zeros(H))
    singular = np.linalg.svd(product, compute_uv=False)
    np.testing.assert_allclose(singular.max() / singular.min(), 1, rtol=RTOL)
    np.testing.assert_allclose(np.log(singular) / T, np.log(rho), rtol=0, atol=RTOL)


def test_a_scalar_linear_rnn_sums_its_weight_gradient_over_steps():
    """x_T = w^T x_0: ∂x_T/∂w = T x_0 w^{T-1}."""
    T, w, x_0 = 12, 0.8, 1.7
    cell, params = linear_rnn([[w]])

    def last(params):
        return rnnx.unroll(cell, params, jnp.zeros((T, 1)), RNNState(h=jnp.array([x_0]))).outputs[-1, 0]

    value, gradient = jax.value_and_grad(last)(params)
    np.testing.assert_allclose(value, w**T * x_0, rtol=RTOL)
    np.testing.assert_allclose(gradient.recurrent_kernel, [[T * x_0 * w ** (T - 1)]], rtol=RTOL)


def test_a_scalar_tanh_rnn_multiplies_slopes():
    """h_t = tanh(w h_{t-1} + x_t): ∂h_T/∂h_k = Π_{t=k+1}^{T} w (1 - h_t²)."""
    T, w = 12, 1.3
    cell = rnnx.rnn(1)
    params = RNNParams(input_kernel=jnp.eye(1), recurrent_kernel=jnp.array([[w]]), bias=jnp.zeros(1))
    xs = jnp.asarray(np.random.default_rng(0).standard_normal((T, 1, 1)))
    flow = rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1, 0, 0])

    h, slopes = 0.0, []
    for x in np.ravel(xs):
        h = np.tanh(w * h + x)
        slopes.append(w * (1 - h**2))
    expected = [np.prod(slopes[k + 1 :]) for k in range(T)]
    np.testing.assert_allclose(flow.state_gradients.h[:, 0, 0], expected, rtol=RTOL)


@pytest.mark.parametrize("forget_bias", [*(pytest.param(b, marks=pytest.mark.slow) for b in (0.0, 1.0)), 3.0])
def test_an_lstm_without_recurrent_weights_decays_by_its_forget_gate(forget_bias):
    """U = 0, W_f = 0: ∂c_T/∂c_{T-k} = σ(b_f)^k, whatever the inputs are."""
    T, B, I, H = 20, 2, 3, 4
    cell = rnnx.lstm(H, forget_bias=forget_bias)
    params = cell.init(jax.random.key(0), I)
    params = params._replace(
        recurrent_kernel=jnp.zeros((H, 4 * H)),
        input_kernel=params.input_kernel.at[:, H : 2 * H].set(0),
    )
    xs = jnp.asarray(np.random.default_rng(1).standard_normal((T, B, I)))

    def sum_of_last_c(perturbations):
        return jnp.sum(rnnx.unroll(cell, params, xs, perturbations=perturbations).final_state.c)

    zero = jnp.zeros((T, B, H))
    gradient = jax.jit(jax.grad(sum_of_last_c))(LSTMState(h=zero, c=zero))
    lag = np.arange(T)[::-1, None, None]
    np.testing.assert_allclose(gradient.c, np.broadcast_to(sigmoid(forget_bias) ** lag, (T, B, H)), rtol=RTOL)
    np.testing.assert_array_equal(gradient.h, 0)


def test_an_lstm_at_the_origin_has_rank_h_and_known_eigenvalues():
    """c = h = 0, x = 0, b_g = 0: c_t = f c + i g and h_t = o c_t to first order, so that ∂(h, c)_t/∂(h, c)_{t-1} has
    rank H and its non-zero eigenvalues are f + i·o·λ(U_g), with i, f, o the values of the gates."""
    H, b_i, b_f, b_o = 4, 0.3, 1.2, -0.4
    cell = rnnx.lstm(H)
    params = cell.init(jax.random.key(0), 1)
    U_g = np.random.default_rng(0).standard_normal((H, H))
    params = params._replace(
        recurrent_kernel=params.recurrent_kernel.at[:, 2 * H : 3 * H].set(U_g),
        bias=jnp.repeat(jnp.array([b_i, b_f, 0.0, b_o]), H),
    )

    def step(s):
        state = cell.step(params, LSTMState(h=s[:H], c=s[H:]), jnp.zeros(1))
        return jnp.concatenate([state.h, state.c])

    J = np.asarray(jax.jacobian(step)(jnp.zeros(2 * H)))
    assert np.linalg.matrix_rank(J) == H
    found = np.linalg.eigvals(J)
    found = found[np.argsort(-np.abs(found))][:H]
    expected = sigmoid(b_f) + sigmoid(b_i) * sigmoid(b_o) * np.linalg.eigvals(U_g)
    # The H eigenvalues of zero make J defective, which costs some digits in the others.
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), rtol=1e-11)


@pytest.mark.parametrize("reset_after", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_gru_at_the_origin_is_half_identity_and_a_quarter_of_its_candidate_matrix(reset_after):
    """h = 0, x = 0, no biases: r = z = ½, so that ∂h_t/∂h_{t-1} = ½ I + ¼ U_n, with either place of the reset gate.
    (h is a row here, h U_n, so the matrix ∂h_t[i]/∂h_{t-1}[j] holds U_n transposed.)"""
    H = 5
    cell = rnnx.gru(H, reset_after=reset_after)
    params = jax.jit(lambda: cell.init(jax.random.key(0), 2))()
    J = jax.jit(jax.jacobian(lambda h: cell.step(params, GRUState(h), jnp.zeros(2)).h))(np.zeros(H))
    U_n = params.recurrent_kernel[:, 2 * H :]
    np.testing.assert_allclose(J, np.eye(H) / 2 + U_n.T / 4, rtol=0, atol=1e-15)  # four roundings of numbers below 1


class _Vector(NamedTuple):
    h: Array


def driven_linear_cell(size):
    """h_t = A_t h_{t-1}, where the input x_t is the matrix A_t: each step has the Jacobian that it is told to have."""
    return Cell(
        init=lambda key, input_size: (),
        initial_state=lambda params, batch_shape: _Vector(h=jnp.zeros((*batch_shape, size))),
        step=lambda params, state, x: _Vector(
            h=jnp.einsum("...ij,...j->...i", x.reshape(*x.shape[:-1], size, size), state.h)
        ),
        read=lambda params, state, x: state.h,
        output_size=size,
    )


@pytest.mark.parametrize("name", [name for name in engines.names() if engines.get(name).form is None])
def test_jacobians_that_do_not_commute_are_multiplied_in_the_order_of_time(name):
    """h_T = A_T … A_2 A_1 h_0, so ∂(v·h_T)/∂h_0 = A_1ᵀ A_2ᵀ … A_Tᵀ v; the other order gives another vector."""
    T, H = 6, 3
    rng = np.random.default_rng(0)
    A, v, h_0 = rng.standard_normal((T, H, H)), rng.standard_normal(H), rng.standard_normal(H)
    cell = driven_linear_cell(H)

    def loss(state, perturbations):
        xs = jnp.asarray(A.reshape(T, H * H))
        return jnp.vdot(v, rnnx.unroll(cell, (), xs, state, engine=name, perturbations=perturbations).outputs[-1])

    gradient, gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))(_Vector(h_0), _Vector(np.zeros((T, H))))

    forwards = np.linalg.multi_dot(A[::-1])  # A_T … A_1
    backwards = np.linalg.multi_dot(A)  # A_1 … A_T
    np.testing.assert_allclose(gradient.h, forwards.T @ v, rtol=RTOL)
    assert np.linalg.norm(backwards.T @ v - forwards.T @ v) > 0.5 * np.linalg.norm(forwards.T @ v)
    for t in range(T - 1):
        np.testing.assert_allclose(gradients.h[t], np.linalg.multi_dot([np.eye(H), *A[:t:-1]]).T @ v, rtol=RTOL)
    np.testing.assert_array_equal(gradients.h[-1], v)


def test_orthogonal_and_fused_orthogonal_are_different_policies():
    """One orthogonal [H, 4H] matrix has H singular values 1, which four blocks share: Σ over blocks of ‖U_k‖² = H, so
    that their root mean square singular value is ½. Blocks that are orthogonal each have 1."""
    H, gates = 64, 4
    key = jax.random.key(0)

    def singular_values(policy):
        kernel = np.asarray(rnnx.initializers.get(policy)(key, H, H, gates))
        return np.stack([np.linalg.svd(block, compute_uv=False) for block in np.split(kernel, gates, axis=1)])

    per_gate, fused = singular_values("orthogonal"), singular_values("orthogonal_fused")
    np.testing.assert_allclose(per_gate, 1, rtol=1e-13)  # a QR in float64
    np.testing.assert_allclose(np.sqrt(np.mean(fused**2)), 0.5, rtol=1e-13)
    # Each block alone: ‖U_k‖² / H is the mean of H squared column norms ~ Beta(H/2, 3H/2), which spreads by
    # √(3/32)/H = 0.005, or 2 %, around ¼: five times that.
    np.testing.assert_allclose(np.mean(fused**2, axis=1), 0.25, rtol=0.1)
    assert fused.min() < 0.1  # and its blocks are far from orthogonal
