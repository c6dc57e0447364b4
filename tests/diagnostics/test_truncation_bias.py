"""g_K against closed forms, and against truncated back-propagation itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.truncation_bias import bias_of_truncation, truncation_bias
from tests.diagnostics.scalar import last, scalar, scalar_evidence
from tests.variants import T, assert_close, example, slow_unless


def flat(gradients):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(gradients)])


@jax.jit
def of_scalar(a, w):
    return bias_of_truncation(*scalar(a, w), jnp.ones((25, 1, 1)), last)


@pytest.mark.parametrize("a", [0.5, 0.9, -0.9, 1.0, 1.1])
def test_known_answer_8(float64, a):
    """h ← a h + w x, x = 1: ∂h_T/∂w = ∂h_T/∂b = Σ_{k<T} a^k = (1 - a^T) / (1 - a), truncated Σ_{k<K} a^k, and
    ∂h_T/∂a likewise with each term times h_{T-1-k}."""
    steps, w = 25, 0.7
    found = of_scalar(a, w)
    k = np.arange(steps)
    h_before = np.array([w * np.sum(a ** np.arange(steps - 1 - lag)) for lag in k])
    parts = np.stack([a**k, a**k, a**k * h_before])
    g_K = np.cumsum(parts, axis=1)
    g = g_K[:, -1:]
    if a != 1:
        np.testing.assert_allclose(g[0], (1 - a**steps) / (1 - a), rtol=1e-13)  # the closed form, to rounding
        np.testing.assert_allclose(g_K[0], (1 - a ** (k + 1)) / (1 - a), rtol=1e-13)
    size = np.linalg.norm(g)
    # Sums of 25 terms, each rounded at 1e-16; of the errors, relative to the whole.
    np.testing.assert_allclose(found.relative_error, np.linalg.norm(g_K - g, axis=0) / size, rtol=0, atol=1e-14)
    cosine = np.sum(g_K * g, axis=0) / np.linalg.norm(g_K, axis=0) / size
    np.testing.assert_allclose(found.cosine, cosine, rtol=0, atol=1e-13)
    assert found.relative_error[-1] == 0, "K = T is exact"
    assert float(found.smallest_k) == 1 + np.argmax(np.linalg.norm(g_K - g, axis=0) / size < 0.1)


@pytest.mark.parametrize("variant", slow_unless(lambda name: name == "lru", ["lstm", "lru", "stack"]))
def test_it_is_what_truncated_backpropagation_gives(float64, variant):
    """Where K divides T, `unroll(truncate=K)` cuts K steps before the end."""
    cell, params, _, xs = example(variant, steps=6)

    def loss(ys):
        return jnp.sum(ys[-1] ** 2)

    @jax.jit
    def run(params, xs):
        def gradient(truncate):
            return jax.grad(lambda params: loss(rnnx.unroll(cell, params, xs, truncate=truncate).outputs))(params)

        return truncation_bias(rnnx.gradient_flow(cell, params, xs, loss)), [gradient(K) for K in (2, 3, 6)]

    measured, truncated = run(params, xs)
    g = flat(truncated[-1])
    for K, g_K in zip((2, 3, 6), map(flat, truncated), strict=True):
        error = np.linalg.norm(g_K - g) / np.linalg.norm(g)
        cosine = g_K @ g / np.linalg.norm(g_K) / np.linalg.norm(g)
        assert K == 6 or error > 1e-3, "the example should be a hard one"
        assert_close(measured["truncation_bias/relative_error"][K - 1], error)
        assert_close(measured["truncation_bias/cosine"][K - 1], cosine)


def test_an_error_far_below_rounding_is_told(float64):
    """a = 0.01: what is left out of ∂h_T/∂w from lag K on is a^K; as 1 - g_K/g it would be lost below 1e-16."""
    measured = jax.jit(lambda: truncation_bias(scalar_evidence(0.01, 40)))()
    k = np.arange(1, 40)
    error = measured["truncation_bias/relative_error"][:-1]
    # All three entries of g and of what is left out are a^K / (1 - a) times their size, to the order of a.
    np.testing.assert_allclose(np.log10(error), -2.0 * k, rtol=0, atol=0.1)
    assert measured["truncation_bias/smallest_k"] == 1


def test_the_tolerance_is_the_callers(float64):
    @jax.jit
    def each():
        return [bias_of_truncation(*scalar(0.9), jnp.ones((60, 1, 1)), last, tolerance=t) for t in (0.5, 0.1, 0.01)]

    found = jax.device_get(each())
    for bias, tolerance in zip(found, (0.5, 0.1, 0.01), strict=True):
        K = int(bias.smallest_k)
        assert bias.relative_error[K - 1] < tolerance <= bias.relative_error[K - 2]


def test_lags_count_back_from_each_example(float64):
    """Two examples of different lengths: g_K is the sum of what both give from K steps before their own ends."""
    cell, params, _, xs = example("rnn", batch_shape=(2,))
    lengths = (T, 2)

    def gradient(K):
        def loss(params):
            total = 0
            for b, n in enumerate(lengths):
                before = rnnx.unroll(cell, jax.lax.stop_gradient(params), xs[: n - K, b : b + 1]).final_state
                total += jnp.sum(rnnx.unroll(cell, params, xs[n - K : n, b : b + 1], before).outputs[-1])
            return total

        return jax.grad(loss)(params)

    @jax.jit
    def run(params, xs):
        at_ends = (jnp.array(lengths) - 1, jnp.arange(2))

        def loss(ys):
            return jnp.sum(ys[at_ends])

        found = bias_of_truncation(cell, params, xs, loss, lengths=jnp.array(lengths))
        whole = jax.grad(lambda p: loss(rnnx.unroll(cell, p, xs, lengths=jnp.array(lengths)).outputs))(params)
        return found, whole, [gradient(K) for K in (1, 2)]

    found, whole, truncated = run(params, xs)
    g = flat(whole)
    for K, g_K in zip((1, 2), map(flat, truncated), strict=True):
        assert_close(found.relative_error[K - 1], np.linalg.norm(g_K - g) / np.linalg.norm(g))
