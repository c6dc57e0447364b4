"""The noise of randomly truncated gradients against the truncation bias that it stands for."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.combinators.random_truncation import _kept
from rnnx.diagnostics.random_truncation import random_truncation
from rnnx.diagnostics.truncation_bias import bias_of_truncation
from tests.diagnostics.scalar import last, scalar
from tests.variants import assert_close, example


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def test_it_measures_the_gradient_of_the_training_mode(float64):
    """Eight draws of `rnnx.random_truncation` with c = 4 / (T + 4), of a loss that is not linear."""
    cell, params, _, xs = example("lstm")
    steps = len(xs)

    def loss(params, cell):
        return jnp.sum(rnnx.unroll(cell, params, xs).outputs[-1] ** 2)

    @jax.jit
    def run(params, keys):
        def estimate(key):
            return jax.grad(loss)(params, rnnx.random_truncation(cell, key, 4 / (steps + 4)))

        measured = random_truncation(rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys[-1] ** 2)))
        return measured, jax.grad(loss)(params, cell), jax.vmap(estimate)(keys)

    measured, whole, each = run(params, jax.random.split(jax.random.key(0), 8))
    g = flat(whole)
    cosines, errors = [], []
    for n in range(8):
        estimate = flat(jax.tree.map(lambda leaf, n=n: leaf[n], each))
        cosines.append(estimate @ g / np.linalg.norm(estimate) / np.linalg.norm(g))
        errors.append(np.linalg.norm(estimate - g) / np.linalg.norm(g))
    assert_close(measured["random_truncation/cosine"], np.mean(cosines))
    assert_close(measured["random_truncation/relative_error"], np.sqrt(np.mean(np.square(errors))))
    assert np.std(cosines) > 0.01, "the draws should differ"


@pytest.mark.slow
def test_the_noise_is_the_sum_over_all_truncations_of_their_bias(float64):
    """E ‖g̃ - g‖² / ‖g‖² = Σ_K c (1 - c)^{-K} e_K², over all patterns of cuts of h ← a h + w x.

    g̃ = Σ_k (w_T … w_{T-k+1}) G_k, whose products have the second moments (1 - c)^{-min}.
    """
    steps, c, a = 6, 0.3, 0.9
    cell, params = scalar(a)
    xs = jnp.asarray(np.random.default_rng(0).standard_normal((steps, 1, 1)))
    keys = jax.random.split(jax.random.key(1), 3000)
    # The draw of the first step cuts off s_0, which is no parameter.
    kept = np.asarray(jax.jit(jax.vmap(lambda key: _kept(key, c, steps)))(keys))[:, 1:]
    patterns, first = np.unique(kept, axis=0, return_index=True)
    assert len(patterns) == len(list(itertools.product((0, 1), repeat=steps - 1)))

    def gradient(key):
        def loss(params):
            return last(rnnx.unroll(rnnx.random_truncation(cell, key, c), params, xs).outputs)

        return jax.grad(loss)(params)

    estimates = jax.jit(jax.vmap(gradient))(keys[first])
    g = jax.grad(lambda p: last(rnnx.unroll(cell, p, xs).outputs))(params)
    chances = np.prod(np.where(patterns, 1 - c, c), axis=1)
    square = sum(
        np.sum(chances[:, None] * np.square(e - w).reshape(len(chances), -1))
        for e, w in zip(jax.tree.leaves(estimates), jax.tree.leaves(g), strict=True)
    )
    errors = np.asarray(bias_of_truncation(cell, params, xs, last).relative_error)
    K = np.arange(1, steps + 1)
    expected = np.sum(c * (1 - c) ** -K * errors**2)
    np.testing.assert_allclose(square / np.sum(flat(g) ** 2), expected, rtol=1e-12)  # roundings of 32 patterns
