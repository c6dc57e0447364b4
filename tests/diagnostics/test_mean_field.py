"""Theory against closed forms, published numbers and simulation."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.cells.rnn import RNNParams
from rnnx.diagnostics.mean_field import mean_field
from rnnx.dynamics.lyapunov import lyapunov_spectrum
from rnnx.dynamics.mean_field import annealed_rate, mean_field_theory
from rnnx.types import Array, Cell
from tests.variants import FEW, VARIANTS, T, example, slow_unless

theory = jax.jit(mean_field_theory, static_argnums=0)


def identity(a):
    return a


WITH_MPMATH = (
    (0.1, 0, 0.0, -2.302585093),
    (0.1, 400, 400.0096015, -4.116286893),
    (0.5, 1, 1.103041454, -1.09567603),
    (0.9, 0.01, 0.0402165143, -0.1420745634),
    (1, 100, 100.9208973, -1.470009646),
    (1, 1, 1.463850891, -0.4595485749),
    (1.05, 0, 0.05325049129, 0.001435725757),
    (1.5, 0, 0.7933540426, 0.06521721191),
    (2, 0, 2.121473568, 0.1547242298),
    (5, 0, 20.69936684, 0.5324279416),
    (7, 0, 43.10053563, 0.6875366281),
    (10, 0, 91.7051312, 0.8564351892),
    (10, 1, 92.75164795, 0.8536082795),
    (20, 0, 383.7248325, 1.192412639),
    (20, 20, 404.1403817, 1.179464095),
    (20, 400, 788.6411579, 1.012423995),
    (0.1, 100, 100.0092054, -3.770333296),
    (1, 400, 400.9601943, -1.814294724),
)
"""Gain, σ_in², q* and rate for tanh. q* is the root of q - σ_w² ∫Dz tanh(√q z)² - σ_in² that `mpmath.findroot` finds
between σ_in² and σ_w² + σ_in², the integrals being `mpmath.quad` with 30 digits over pieces that end where |√q z| is
¼, 1, 3, 8, 20 or 45 and where |z| is 1, 3, 6 or 12."""


@pytest.mark.parametrize(("x64", "rtol", "atol"), [(True, 1e-8, 1e-9), (False, 1e-5, 1e-6)], ids=["float64", "float32"])
def test_tanh_at_any_gain_is_as_with_many_digits(x64, rtol, atol):
    """To the digits of the table, or to some float32 roundings of a sum of 1504 terms; q* = 0 is reached as a limit."""
    g, input_variance, variance, rate = np.transpose(WITH_MPMATH)
    with jax.enable_x64(x64):
        found = jax.jit(jax.vmap(functools.partial(mean_field_theory, jnp.tanh)))(g**2, input_variance)
    np.testing.assert_allclose(found.variance, variance, rtol=rtol, atol=1e-30)
    np.testing.assert_allclose(found.rate, rate, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("activation", "slope"),
    [(jax.lax.erf, lambda q: 4 / np.pi / np.sqrt(1 + 4 * q)), (jnp.sin, lambda q: (1 + np.exp(-2 * q)) / 2)],
    ids=["erf", "sin"],
)
def test_other_activations_have_slopes_in_closed_form(float64, activation, slope):
    """∫Dz φ'(√q z)² of an ever steeper step, and of ever faster waves."""
    g, input_variance, *_ = np.transpose(WITH_MPMATH)
    found = jax.jit(jax.vmap(functools.partial(mean_field_theory, activation)))(g**2, input_variance)
    # Where iteration has stopped q* may still be off by rounding, over 1 - (its slope): some hundred times 1e-16.
    np.testing.assert_allclose(found.slope, g**2 * slope(found.variance), rtol=1e-11)


@pytest.mark.parametrize(
    ("g", "input_variance", "variance", "slope"), [(2.0, 0.0, 2.1215, 1.3627), (1.5, 1.0, 2.2093, 0.7530)]
)
def test_known_numbers_for_tanh(float64, g, input_variance, variance, slope):
    found = theory(jnp.tanh, g**2, input_variance)
    np.testing.assert_allclose([found.variance, found.slope], [variance, slope], rtol=0, atol=5e-5)  # their digits
    np.testing.assert_allclose(found.rate, np.log(found.slope) / 2, rtol=1e-14)
    np.testing.assert_allclose(found.depth_scale, 1 / abs(np.log(found.slope)), rtol=1e-14)


@pytest.mark.parametrize(("g", "input_variance"), [(0.7, 0.0), (0.9, 2.0), (1.3, 0.5)])
def test_relu_in_closed_form(float64, g, input_variance):
    """φ² and φ'² are halved by symmetry: q* = σ_in² / (1 - σ_w²/2), χ₁ = σ_w²/2."""
    found = theory(jax.nn.relu, g**2, input_variance)
    np.testing.assert_allclose(found.variance, input_variance / (1 - g**2 / 2), rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(found.slope, g**2 / 2, rtol=1e-13)


def test_a_linear_network_in_closed_form(float64):
    found = theory(identity, 0.8**2, 3.0)
    np.testing.assert_allclose([found.variance, found.slope], [3 / (1 - 0.64), 0.64], rtol=1e-13)


@pytest.mark.parametrize(("activation", "g", "slope"), [(identity, 1.5, 2.25), (jax.nn.relu, 2.0, 2.0)])
def test_sums_that_grow_without_limit_are_infinite(activation, g, slope):
    found = theory(activation, g**2, 1.0)
    assert jnp.isposinf(found.variance)
    np.testing.assert_allclose(found.slope, slope, rtol=1e-5)  # float32


def test_at_the_transition_nothing_decays(float64):
    found = theory(identity, 1.0, 0.0)
    assert found.rate == pytest.approx(0, abs=1e-13)
    assert found.depth_scale > 1e12


def test_nan_in_gives_nan_out():
    assert all(jnp.isnan(value) for value in theory(jnp.tanh, 1.0, jnp.nan))
    assert all(jnp.isnan(value) for value in theory(jnp.tanh, jnp.nan, 1.0))


@functools.cache
def wide(size):
    """A tanh network each unit of which has an input of its own."""
    cell = rnnx.rnn(size)
    rates = jax.jit(lambda params, xs: lyapunov_spectrum(cell, params, xs, count=1, transient=100)[:, 0])

    def simulate(g, input_scale, seed, steps):
        W_key, x_key = jax.random.split(jax.random.key(seed))
        W = g / np.sqrt(size) * jax.random.normal(W_key, (size, size))
        xs = input_scale * jax.random.normal(x_key, (steps, 1, size))
        s_0 = jax.random.normal(jax.random.key(seed), (size,))  # the origin is a fixed point where there is no input
        xs = xs.at[0].add(s_0)
        return rates(RNNParams(jnp.eye(size), W, jnp.zeros(size)), xs)[0]

    return simulate


@pytest.mark.parametrize(
    ("g", "input_variance"),
    slow_unless(lambda *case: case == (2.0, 0.0), [(0.5, 0.25), (1.5, 1.0), (2.0, 0.0), (2.5, 0.5)]),
)
def test_simulation_agrees_with_theory(g, input_variance):
    """N = 400, 700 steps, three seeds, away from g ≈ 1: the gradient's rate within 0.02."""
    rates = [wide(400)(g, np.sqrt(input_variance), seed, 700) for seed in range(3)]
    expected = theory(jnp.tanh, g**2, input_variance).rate
    np.testing.assert_allclose(np.mean(rates), expected, rtol=0, atol=0.02)
    assert abs(expected) > 0.05


@pytest.mark.parametrize("variant", slow_unless(lambda variant: variant in (*FEW, "rnn"), VARIANTS))
def test_it_applies_to_one_activation_of_one_sum(float64, variant):
    """Found out by trying: not to gates, to what depends on the state, to other forms, to a norm over all units."""
    cell, params, _, xs = example(variant)
    measure = jax.jit(lambda params, xs: mean_field(rnnx.gradient_flow(cell, params, xs, jnp.sum)))
    applies = variant in ("rnn", "rnn_relu", "rnn_identity")
    assert bool(measure.eval_shape(params, xs)) == applies
    if applies:
        measured = measure(params, xs)
        phi = {"rnn": jnp.tanh, "rnn_relu": jax.nn.relu, "rnn_identity": identity}[variant]
        W = np.asarray(params.recurrent_kernel)
        added = np.asarray(xs) @ params.input_kernel + params.bias
        expected = theory(phi, len(W) * np.mean(W**2), np.mean(added**2))
        for name in ("rate", "depth_scale", "variance"):
            np.testing.assert_allclose(measured[f"mean_field/{name}"], getattr(expected, name), rtol=1e-9)


@pytest.mark.parametrize(
    ("wrap", "applies"), [(rnnx.learned_initial_state, True), (rnnx.layer_norm, False)], ids=["initial state", "norm"]
)
def test_combinators_are_tried_too(wrap, applies):
    cell = wrap(rnnx.rnn(3))

    def measure():
        params = cell.init(jax.random.key(0), 2)
        return mean_field(rnnx.gradient_flow(cell, params, jnp.ones((4, 2, 2)), jnp.sum))

    assert bool(jax.eval_shape(measure)) == applies


def test_padding_is_not_measured(float64):
    cell, params, _, xs = example("rnn")
    lengths = jnp.array([5, 3, 0, 4])
    padding = jnp.arange(T)[:, None] >= lengths

    @jax.jit
    def measure(params, xs):
        return mean_field(rnnx.gradient_flow(cell, params, xs, jnp.sum, lengths=lengths))

    measured = measure(params, jnp.where(padding[..., None], jnp.nan, xs))
    added = np.asarray(xs @ params.input_kernel + params.bias)[~np.asarray(padding)]
    W = np.asarray(params.recurrent_kernel)
    expected = theory(jnp.tanh, len(W) * np.mean(W**2), np.mean(added**2))
    np.testing.assert_allclose(measured["mean_field/variance"], expected.variance, rtol=1e-12)


@functools.cache
def annealed(cell, **options):
    return jax.jit(lambda key: annealed_rate(cell, key, 64, **options))


@pytest.mark.parametrize(
    ("g", "input_scale"), [pytest.param(*case, marks=pytest.mark.slow) for case in ((0.5, 0.0), (1.5, 1.0), (2.0, 0.5))]
)
def test_annealed_simulation_of_rnn_agrees_with_theory(g, input_scale):
    """In which everything is as the theory has it, but for the width."""
    H = 256
    cell = rnnx.rnn(
        H,
        recurrent_initializer=f"gaussian({g})",
        input_initializer="gaussian(1.0)",  # x W has the variance of x
    )
    found = annealed(cell, steps=150, input_scale=input_scale)(jax.random.key(0))
    expected = theory(jnp.tanh, g**2, input_scale**2).rate
    # ln ‖v‖ of H normal numbers spreads by 1/√(2H) = 0.04 a step, of 150 steps by 0.004; the width costs 1/(2H).
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.015)


def quenched(cell, seed, xs, transient):
    """The largest exponent of a network with the same weights at every step."""

    @jax.jit
    def rate(key, xs):
        return lyapunov_spectrum(cell, cell.init(key, xs.shape[-1]), xs, 1, transient)

    return rate(jax.random.key(seed), xs)


@pytest.mark.slow
def test_what_drawing_anew_leaves_out(float64):
    """h ← f h + W h: ½ ln(f² + g²) with W drawn anew; with one W ln(f + g), its eigenvalues filling a disc about f."""
    H, f, g = 200, 0.5, 0.4

    class Linear(NamedTuple):
        h: Array

    cell = Cell(
        init=lambda key, input_size: g / np.sqrt(H) * jax.random.normal(key, (H, H)),
        initial_state=lambda params, batch_shape: Linear(jnp.zeros((*batch_shape, H))),
        step=lambda W, state, x: Linear(f * state.h + state.h @ W),
        read=lambda W, state, x: state.h,
        output_size=H,
    )
    found = annealed(cell, steps=150)(jax.random.key(0))
    # As above, 0.005 and 1/(2H).
    np.testing.assert_allclose(found, np.log(f**2 + g**2) / 2, rtol=0, atol=0.015)
    fixed = quenched(cell, 1, jnp.zeros((500, 1, 64)), 200)
    # The outermost eigenvalue of a finite W lies some 1/√H from where the disc ends.
    np.testing.assert_allclose(fixed, np.log(f + g), rtol=0, atol=1 / np.sqrt(H))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_annealed_simulation_of_gates_is_close_where_inputs_decide(name):
    """To the rate of the gradient of a network with the same weights at every step."""
    H = 128
    cell = rnnx.cells.get(name)(H, recurrent_initializer="gaussian(0.1)", input_initializer="gaussian(1.0)")
    found = annealed(cell, steps=150)(jax.random.key(0))
    xs = jax.random.normal(jax.random.key(2), (200, 4, 64))
    fixed = np.mean(quenched(cell, 1, xs, 50))
    np.testing.assert_allclose(found, fixed, rtol=0, atol=0.04)  # of 0.7 (GRU) and 0.35 (LSTM)
