"""What is special to the linear recurrent unit: its eigenvalues, and that they are complex."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from tests.variants import B, H, I, T, assert_close, example, like

RINGS = [(0.0, 1.0), (0.99, 0.999)]


def eigenvalues(cell, params):
    """λ, read off the coefficients."""
    return cell.form.coefficients(params, jnp.zeros(I))[0].h


def many(cell, draws):
    """Parameters of so many keys, on a first axis."""
    return jax.jit(jax.vmap(lambda key: cell.init(key, I)))(jax.random.split(jax.random.key(0), draws))


def no_readout(key, rows, columns, gates):
    """C is as large as H², and has no part in what is tested here."""
    return jnp.zeros((rows, gates * columns))


@pytest.mark.parametrize(("r_min", "r_max"), RINGS)
def test_eigenvalues_start_on_the_ring(float64, r_min, r_max):
    """With |λ|² uniform on [r_min², r_max²], which is uniform over the ring's area, and phases up to max_phase."""
    max_phase = 1.5
    cell = rnnx.lru(200, r_min=r_min, r_max=r_max, max_phase=max_phase, output_initializer=no_readout)
    params = many(cell, 20)
    lam = np.asarray(jax.jit(jax.vmap(lambda p: eigenvalues(cell, p)))(params)).ravel()
    modulus, phase = np.abs(lam), np.angle(lam)
    assert modulus.min() >= r_min - 1e-12
    assert modulus.max() <= r_max
    assert phase.min() >= 0
    assert phase.max() <= max_phase
    # The mean of n uniform numbers on an interval w wide has the standard error w / √(12 n); four of them.
    for value, low, high in ((modulus**2, r_min**2, r_max**2), (phase, 0, max_phase)):
        assert abs(value.mean() - (low + high) / 2) < 4 * (high - low) / math.sqrt(12 * len(lam))


@pytest.mark.parametrize(("r_min", "r_max"), [(0.5, 0.9), pytest.param(0.0, 0.95, marks=pytest.mark.slow)])
def test_white_input_is_amplified_as_the_closed_form_says(float64, r_min, r_max):
    """E ‖h_∞‖² / E ‖Bx‖² = ln[(1 - r_min²) / (1 - r_max²)] / (r_max² - r_min²) without the normalisation γ.

    For white input E |h_∞|² is the sum of the squared impulse response, |λ^k B|² over k. With the initial γ, which is
    to take that out, it is |B|² for every unit.
    """
    cell = rnnx.lru(64, r_min=r_min, r_max=r_max, output_initializer=no_readout)
    params = many(cell, 50)
    impulse = jnp.zeros((400, I)).at[0, 0].set(1.0)  # 0.95^800 = 2e-18

    @jax.jit
    @jax.vmap
    def energy(params):
        states = rnnx.unroll(cell, params, impulse, return_states=True).states.h
        B_re, B_im = jnp.split(params.input_kernel[0], 2)
        return jnp.sum(jnp.abs(states) ** 2, axis=0) / (B_re**2 + B_im**2)

    np.testing.assert_allclose(energy(params), 1, rtol=1e-12)  # rounding of 400 terms, and the tail of 2e-18
    gains = np.asarray(energy(params._replace(gamma=jnp.zeros_like(params.gamma)))).ravel()
    expected = math.log((1 - r_min**2) / (1 - r_max**2)) / (r_max**2 - r_min**2)
    standard_error = gains.std() / math.sqrt(len(gains))
    assert standard_error < 0.05 * expected
    assert abs(gains.mean() - expected) < 4 * standard_error


@pytest.mark.parametrize(("r_min", "r_max"), [(0.0, 1.0), (0.9999999, 1.0), (0.0, 1e-30)])
def test_initial_values_are_finite_at_the_edges(r_min, r_max):
    """In single precision, where |λ|² can be rounded to 0 or 1, whose logarithms do not exist."""
    cell = rnnx.lru(1000, r_min=r_min, r_max=r_max, max_phase=1e-38, output_initializer=no_readout)

    @jax.jit
    def drawn():
        params = cell.init(jax.random.key(0), I)
        return params, jnp.abs(eigenvalues(cell, params))

    params, moduli = jax.device_get(drawn())
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params))
    assert np.all(moduli <= 1)


def test_a_unit_forgets_however_large_its_parameters():
    """|λ| = exp(-exp(ν)) can't exceed 1, so that the state can't explode through training."""
    cell = rnnx.lru(5)

    @jax.jit
    def moduli():
        params = cell.init(jax.random.key(0), I)._replace(nu=jnp.array([-1e4, -20.0, 0.0, 4.0, 1e4]))
        return jnp.abs(eigenvalues(cell, params))

    assert np.all(moduli() <= 1 + 2e-7)  # cos² + sin² to float32 rounding


def test_the_cell_is_linear(float64):
    """y(2x + x') = 2 y(x) + y(x'), from a state of zero."""
    cell, params, _, xs = example("lru")
    others = like(jax.ShapeDtypeStruct((T, B, I), float), seed=8)
    ys = jax.jit(lambda xs: rnnx.unroll(cell, params, xs).outputs)
    assert_close(ys(2 * xs + others), 2 * ys(xs) + ys(others))


def test_the_gradient_decays_by_the_modulus_whatever_the_phase(float64):
    """δ_{t-1} = λ δ_t for a loss at the last step: |δ_{T-k}| = |λ|^k |δ_T|, unit by unit."""
    cell, params, _, xs = example("lru")
    flow = jax.jit(lambda xs: rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys[-1])))(xs)
    delta, modulus = np.abs(flow.state_gradients.h), np.abs(eigenvalues(cell, params))
    lag = np.arange(T)[::-1][:, None, None]
    assert_close(delta, modulus**lag * delta[-1])


def test_bfloat16_parameters_have_a_single_precision_state():
    """So that the recurrence does not lose what it adds up; 8 bits of x, B and C are left: 2^-8 each, some terms."""
    cell, params, _, xs = example("lru")
    run = jax.jit(lambda params, xs: rnnx.unroll(cell, params, xs))
    exact = run(params, xs)
    rounded = run(*jax.tree.map(lambda a: a.astype(jnp.bfloat16), (params, xs)))
    assert rounded.final_state.h.dtype == jnp.complex64
    assert rounded.outputs.dtype == jnp.bfloat16
    np.testing.assert_allclose(rounded.outputs.astype(float), exact.outputs, atol=0.1 * jnp.abs(exact.outputs).max())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"r_min": -0.1}, r"^r_min and r_max must be 0 ≤ r_min < r_max ≤ 1, not -0\.1 and 1\.$"),
        ({"r_min": 0.9, "r_max": 0.9}, r"^r_min and r_max must be 0 ≤ r_min < r_max ≤ 1, not 0\.9 and 0\.9\.$"),
        ({"r_max": 1.5}, r"^r_min and r_max must be 0 ≤ r_min < r_max ≤ 1, not 0 and 1\.5\.$"),
        ({"r_max": "1"}, r"^r_max must be a finite number, not '1'\.$"),
        ({"max_phase": 0.0}, r"^max_phase must be a finite number above 0, not 0\.0\.$"),
        ({"max_phase": 7}, r"^max_phase must be at most 2π = 6\.2832, not 7\.$"),
    ],
)
def test_a_ring_that_is_none_is_refused_in_one_line(options, message):
    with pytest.raises(ValueError, match=message):
        rnnx.lru(H, **options)
