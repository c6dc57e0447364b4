"""Lyapunov exponents, against closed forms."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import digamma

import rnnx
from rnnx.diagnostics.lyapunov import lyapunov
from rnnx.dynamics.jacobians import flat_step, pull
from rnnx.dynamics.lyapunov import lyapunov_spectrum
from tests.test_known_answers import driven_linear_cell, linear_rnn, orthogonal, sigmoid
from tests.variants import B, T, example, of_two_parts, slow_unless

# A zero Jacobian, a state of two parts, no form, complex numbers, layers; all cells are in test_jacobian.py.
KINDS = ("rnn_relu", "lstm", "gru_reset_before", "lru", "stack")

pytestmark = pytest.mark.usefixtures("float64")


@functools.cache
def compiled(cell, count=None, transient=0):
    return jax.jit(lambda params, xs, state=None: lyapunov_spectrum(cell, params, xs, count, transient, state))


@pytest.mark.parametrize(
    ("count", "rho"),
    slow_unless(
        lambda *case: case in ((None, 0.9), (2, 1.1)), [(count, rho) for count in (None, 2) for rho in (1.0, 0.9, 1.1)]
    ),
)
def test_a_linear_orthogonal_rnn_has_one_exponent(rho, count):
    """U = ρQ: λ_i = ln ρ, in any frame and from the first step on; over 3000 steps, 290 nats."""
    T, H = 3000, 5
    cell, params = linear_rnn(rho * orthogonal(H))
    rates = compiled(cell, count)(params, jnp.zeros((T, 2, H)))
    assert rates.shape == (2, count or H)
    np.testing.assert_allclose(rates, np.log(rho), rtol=0, atol=1e-15 * H)  # the rounding of Q's entries


def test_a_linear_rnn_has_the_logarithms_of_its_eigenvalues():
    """Any U: λ_i = ln |eig_i U|, here real and complex ones, of a matrix far from normal."""
    H, transient = 5, 300
    rng = np.random.default_rng(0)
    blocks = np.diag([1.2, 0.9, 0.9, -0.6, 0.3])
    blocks[1:3, 1:3] = 0.9 * np.array([[np.cos(1), np.sin(1)], [-np.sin(1), np.cos(1)]])
    V = rng.standard_normal((H, H)) + np.eye(H)
    cell, params = linear_rnn(V @ blocks @ np.linalg.inv(V))
    rates = np.asarray(compiled(cell, transient=transient)(params, jnp.zeros((transient + 1000, H))))
    expected = np.log([1.2, 0.9, 0.9, 0.6, 0.3])
    # The frame has settled: (0.9 / 1.2)^300 = 1e-37. Eigenvalues of U have condition numbers of some tens.
    np.testing.assert_allclose(rates[[0, 3, 4]], expected[[0, 3, 4]], rtol=0, atol=1e-12)
    # A complex pair turns; what each of its two directions gains comes and goes, by less than 3 nats in 1000 steps.
    np.testing.assert_allclose(rates[1:3], expected[1:3], rtol=0, atol=3e-3)
    np.testing.assert_allclose(rates[1:3].sum(), 2 * np.log(0.9), rtol=0, atol=1e-12)


def test_products_of_gaussian_matrices():
    """J_t = g G_t / √N, independent: λ_i = ln g + ½ [ln(2/N) + ψ((N - i + 1)/2)]."""
    N, T, B, g = 4, 500, 20, 1.5
    G = jax.random.normal(jax.random.key(0), (T, B, N * N))
    rates = compiled(driven_linear_cell(N))((), g / np.sqrt(N) * G)
    i = np.arange(1, N + 1)
    expected = np.log(g) + (np.log(2 / N) + digamma((N - i + 1) / 2)) / 2
    # ln of a χ² variable with N - i + 1 ≥ 1 degrees of freedom, halved, has a standard deviation of at most π/√8 = 1.1:
    # of the mean of 10 000 of them 0.011; four times that.
    np.testing.assert_allclose(rates.mean(axis=0), expected, rtol=0, atol=0.045)
    assert np.abs(np.diff(expected)).min() > 0.1


def test_an_lstm_at_the_origin():
    """c = h = 0, x = 0: the exponents are ln |f + i·o·λ(U_g)|, and as many are -inf: the Jacobian has rank H."""
    H, b_i, b_f, b_o = 4, 0.3, 1.2, -0.4
    cell = rnnx.lstm(H)
    params = cell.init(jax.random.key(0), 1)
    U_g = np.random.default_rng(0).standard_normal((H, H))
    U_g += U_g.T  # real eigenvalues, so that every single exponent settles
    params = params._replace(
        recurrent_kernel=params.recurrent_kernel.at[:, 2 * H : 3 * H].set(U_g),
        bias=jnp.repeat(jnp.array([b_i, b_f, 0.0, b_o]), H),
    )
    rates = compiled(cell, transient=400)(params, jnp.zeros((500, 1)))
    eigenvalues = sigmoid(b_f) + sigmoid(b_i) * sigmoid(b_o) * np.linalg.eigvalsh(U_g)
    expected = np.sort(np.log(np.abs(eigenvalues)))[::-1]
    np.testing.assert_allclose(rates[:H], expected, rtol=0, atol=1e-12)  # settled: neighbours differ by more than 0.1
    assert np.diff(expected).max() < -0.1
    assert jnp.isneginf(rates[H:]).all()


@pytest.mark.slow
@pytest.mark.parametrize("reset_after", [True, False])
def test_a_gru_at_the_origin(reset_after):
    """J = ½ I + ¼ U_n, with either place of the reset gate."""
    H = 5
    cell = rnnx.gru(H, reset_after=reset_after)
    params = cell.init(jax.random.key(0), 2)
    U_n = np.random.default_rng(0).standard_normal((H, H))
    U_n += U_n.T
    params = params._replace(recurrent_kernel=params.recurrent_kernel.at[:, 2 * H :].set(U_n))
    rates = compiled(cell, transient=400)(params, jnp.zeros((500, 2)))
    expected = np.sort(np.log(np.abs(0.5 + 0.25 * np.linalg.eigvalsh(U_n))))[::-1]
    assert np.diff(expected).max() < -0.1
    np.testing.assert_allclose(rates, expected, rtol=0, atol=1e-12)  # as above


@pytest.mark.parametrize("forget_bias", slow_unless(bool, [0.0, 3.0]))
def test_an_lstm_without_recurrent_weights_forgets_by_its_forget_gate(forget_bias):
    H = 3
    cell = rnnx.lstm(H, forget_bias=forget_bias)
    params = cell.init(jax.random.key(0), 2)
    params = params._replace(
        recurrent_kernel=jnp.zeros((H, 4 * H)), input_kernel=params.input_kernel.at[:, H : 2 * H].set(0)
    )
    xs = jax.random.normal(jax.random.key(1), (50, 2))
    # After one step the frame lies in the H directions that are left, so that a transient of 2 is enough for their sum.
    rates = compiled(cell, count=H, transient=2)(params, xs)
    drift = 2 * H * np.log(2) / 48  # c moves h too, by o tanh'(c) ≤ 1 more or less from first to last
    np.testing.assert_allclose(rates.sum(), H * np.log(sigmoid(forget_bias)), rtol=0, atol=drift)


@pytest.mark.parametrize("variant", of_two_parts(KINDS))
def test_all_exponents_add_up_to_the_mean_log_determinant(variant):
    """Σ λ_i = mean of ln |det J_t|, in any frame and for any number of steps."""
    cell, params, state, xs = example(variant)
    flat, step = flat_step("test", cell, params, state, 1)
    identity = jnp.broadcast_to(jnp.eye(flat.size), (B, flat.size, flat.size))
    jacobian = jax.jit(lambda s, x: pull(step, s, x, identity))
    s, log_determinants = flat.pack(state), []
    for x in xs:
        log_determinants.append(np.linalg.slogdet(jacobian(s, x))[1])
        s = step(s, x)
    rates = compiled(cell)(params, xs, state)
    # Some ten roundings, and det J as small as 1e-5.
    np.testing.assert_allclose(rates.sum(axis=1), np.mean(log_determinants, axis=0), rtol=0, atol=1e-10)
    assert (rates[:, :-1] >= rates[:, 1:]).all()


@pytest.mark.slow
def test_fewer_exponents_are_the_first_of_all():
    cell, params, state, _ = example("lstm")
    xs = jax.random.normal(jax.random.key(0), (400, B, 2))
    every, some = compiled(cell, transient=200)(params, xs, state), compiled(cell, 2, 200)(params, xs, state)
    # Other frames: two whose exponents differ by 0.03 settle as e^{-200·0.03}, which moves the mean by 1/200 of that.
    np.testing.assert_allclose(some, every[:, :2], rtol=0, atol=5e-5)


def test_the_frame_leaves_invariant_subspaces():
    """Two cells beside each other, the slower first: a frame along the axes would find its exponent alone."""
    cell, params = linear_rnn(np.diag([0.5, 2.0]))
    rates = compiled(cell, 1, 100)(params, jnp.zeros((200, 2)))
    np.testing.assert_allclose(rates, [np.log(2)], rtol=0, atol=1e-14)


def test_steps_of_the_transient_are_not_averaged_over():
    A = np.concatenate([np.full(10, 3.0), np.full(30, 0.5)])
    rates = compiled(driven_linear_cell(1), None, 10)((), jnp.asarray(A)[:, None])
    np.testing.assert_allclose(rates, [np.log(0.5)], rtol=1e-14)


def test_the_measurement_stops_at_the_last_step_and_leaves_out_a_tenth():
    """Example by example as the function gives it; the mean over those that have a step."""
    cell, params, _, _ = example("gru")
    xs = jnp.asarray(np.random.default_rng(0).standard_normal((30, B, 2)))
    lengths = [30, 17, 0, 17]

    @jax.jit
    def measure(params, xs):
        return lyapunov(rnnx.gradient_flow(cell, params, xs, jnp.sum, lengths=jnp.array(lengths)))

    measured, xs = measure(params, xs), np.asarray(xs)
    single = [
        compiled(cell, transient=length // 10)(params, xs[:length, b : b + 1])[0]
        for b, length in enumerate(lengths)
        if length
    ]
    np.testing.assert_allclose(measured["lyapunov/spectrum"], np.mean(single, axis=0), rtol=0, atol=1e-13)
    assert measured["lyapunov/largest"] == measured["lyapunov/spectrum"][0]


def test_a_nan_in_the_state_is_seen_even_where_no_jacobian_depends_on_it():
    cell, params, state, xs = example("lru")
    rates = compiled(cell)(params, xs.at[0, 1].set(jnp.nan), state)
    assert np.isnan(rates[1]).all()
    assert not np.isnan(np.asarray(rates)[[0, 2, 3]]).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 4}, "count must be at most 3, the numbers in one example's state, not 4."),
        ({"count": 0}, "count must be a whole number of at least 1, not 0."),
        ({"transient": T}, f"transient must be below {T}, the number of steps, not {T}."),
        ({"transient": -1}, "transient must be a whole number of at least 0, not -1."),
    ],
)
def test_options_out_of_range(options, message):
    cell, params, _, xs = example("gru")
    with pytest.raises(ValueError, match=f"^{message}$"):
        lyapunov_spectrum(cell, params, xs, **options)


def test_inputs_and_states_that_do_not_fit():
    cell, params, state, xs = example("gru")
    with pytest.raises(ValueError, match=r"^the cell can't step on x_t"):
        lyapunov_spectrum(cell, params, xs[..., :1])
    with pytest.raises(ValueError, match=r"^state\.h must have shape"):
        lyapunov_spectrum(cell, params, xs[:, :2], state=state)
