"""Norms of what can't be squared, and those of what can, which keep their bits."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rnnx.diagnostics.noise_scale import gradient_noise_scale
from rnnx.dynamics._orthogonal import orthogonalised
from rnnx.norm import global_norm, norm, power_of_two

SHAPES = {"W": (7, 5), "b": (5,), "none": (0,)}


def tree(scale, seed=0):
    rng = np.random.default_rng(seed)
    return {name: jnp.asarray(scale * rng.standard_normal(shape), jnp.float32) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("scale", [1e-34, 1e-30, 1e-19, 1.0, 1e19, 1e30, 3e37])
def test_norms_of_any_size_are_those_in_double_precision(scale):
    """To some float32 roundings, 6e-8 each; normal numbers go from 1e-38, which an entry may be, to 3e38."""
    given = tree(scale)
    expected = np.sqrt(sum(np.sum(np.square(np.asarray(leaf, float))) for leaf in given.values()))
    np.testing.assert_allclose(jax.jit(global_norm)(given), expected, rtol=5e-7)
    np.testing.assert_allclose(
        jax.jit(norm)(given["W"]), np.linalg.norm(np.asarray(given["W"], float), axis=-1), rtol=5e-7
    )


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 0.7, 1.0, 300.0, 1e12])
def test_ordinary_norms_keep_their_bits(scale):
    """Those that training has: no digit of a metric changes."""
    for seed in range(20):
        given = tree(scale, seed)
        assert jax.jit(global_norm)(given) == jax.jit(optax.tree.norm)(given)
        np.testing.assert_array_equal(jax.jit(norm)(given["W"]), jnp.linalg.norm(given["W"], axis=-1))


def test_zero_inf_and_nan_stay_what_they_are():
    assert global_norm({"w": jnp.zeros(3)}) == global_norm({}) == 0
    assert global_norm({"w": jnp.array([1.0, -jnp.inf])}) == jnp.inf
    assert jnp.isnan(global_norm({"w": jnp.array([1.0, jnp.nan]), "b": jnp.array(1e30)}))
    assert global_norm({"w": jnp.full(4, 3e38)}) == jnp.inf  # 6e38
    rows = jnp.array([[0.0, 0.0], [jnp.inf, 1.0], [jnp.nan, 1.0]])
    np.testing.assert_array_equal(norm(rows), [0, np.inf, np.nan])


def test_powers_of_two_reach_both_ends_of_the_number_format():
    limits = jnp.finfo(jnp.float32)
    np.testing.assert_array_equal(power_of_two(jnp.array([limits.tiny, limits.max])), [2.0**-126, 2.0**126])


def test_complex_numbers_count_with_both_their_parts():
    given = jnp.array([3e25 + 4e25j, 0])
    np.testing.assert_allclose([global_norm(given), norm(given)], 5e25, rtol=5e-7)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_what_is_made_of_norms_does_not_depend_on_the_unit(scale):
    """The scale of the gradient's noise, in examples, and singular values in log space."""
    g = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32) + 1
    one, other = map(jax.jit(gradient_noise_scale), (g, g * np.float32(scale)))
    np.testing.assert_allclose(other.noise_scale, one.noise_scale, rtol=1e-4)  # the difference of two squares
    _, of_one = jax.jit(orthogonalised)(g[:5], np.zeros(5, np.float32))
    _, of_other = jax.jit(orthogonalised)(g[:5] * np.float32(scale), np.zeros(5, np.float32))
    np.testing.assert_allclose(of_other, of_one + np.log(scale), rtol=1e-5)  # float32, times a condition of some ten
