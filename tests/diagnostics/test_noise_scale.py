"""tr Σ and ‖G‖² exactly, by Monte Carlo, and from evidence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.combinators.attention import attended
from rnnx.diagnostics._weights import weights
from rnnx.diagnostics.noise_scale import gradient_noise_scale, noise_scale
from rnnx.unroll import plain_run
from tests.variants import B, H, I, assert_close, example, like, slow_unless

noise_scale_of = jax.jit(gradient_noise_scale)


def test_it_is_the_sample_covariance_and_the_mean_without_its_noise(float64):
    """Against NumPy's covariance, with the gradients in several arrays."""
    rng = np.random.default_rng(0)
    g = rng.standard_normal((7, 5)) + 1
    found = noise_scale_of({"a": jnp.asarray(g[:, :2]), "b": jnp.asarray(g[:, 2:].reshape(7, 3, 1))})
    trace = np.trace(np.cov(g, rowvar=False))
    squared_norm = np.sum(g.mean(axis=0) ** 2) - trace / 7
    assert_close(found, type(found)(trace / squared_norm, trace, squared_norm))
    counted = jnp.arange(9) < 7
    more = np.concatenate([g, np.full((2, 5), np.nan)])
    assert_close(noise_scale_of(jnp.asarray(more), counted), found)


def test_known_answer_12(float64):
    """y = w*·x + ε with δ = w - w*: the gradient of an example is (δ·x - ε) x, so that tr Σ = (d + 1) ‖δ‖² + d s² and
    ‖G‖² = ‖δ‖². Both estimates have no bias, small batches or not."""
    d, s, batch, batches = 3, 0.8, 4, 200_000
    delta = np.array([0.5, -1.0, 0.3])
    rng = np.random.default_rng(0)
    x, eps = rng.standard_normal((batches, batch, d)), s * rng.standard_normal((batches, batch))
    gradients = jnp.asarray(((x @ delta) - eps)[..., None] * x)
    found = jax.jit(jax.vmap(gradient_noise_scale))(gradients)
    expected = {"trace": (d + 1) * delta @ delta + d * s**2, "squared_norm": delta @ delta}
    for name, value in expected.items():
        samples = np.asarray(getattr(found, name))
        standard_error = samples.std() / np.sqrt(batches)
        assert standard_error < 0.01 * value  # so that the test can tell
        np.testing.assert_allclose(samples.mean(), value, rtol=0, atol=4 * standard_error)
    one = noise_scale_of(gradients.reshape(-1, d))
    # The noise of ‖G‖² is of the order of √(tr Σ · ‖G‖² / n), n = 800,000: 0.3 % of it; four times that.
    np.testing.assert_allclose(one.noise_scale, expected["trace"] / expected["squared_norm"], rtol=0.012)


def attending():
    """A cell that looks at a memory, of which each example has its own."""
    cell = rnnx.attention(rnnx.rnn(H), 2)
    params = cell.init(jax.random.key(0), I)
    memory = like(jax.ShapeDtypeStruct((3, B, 2), float), 1)
    return cell, attended(params, memory, lengths=jnp.array([3, 1, 2, 3])), None, example("rnn").xs


@pytest.mark.parametrize(
    "variant",
    slow_unless(lambda variant: variant in ("lru", "attention"), ["lstm", "lru", "bidirectional", "attention"]),
)
def test_the_evidence_gives_the_gradients_of_single_examples(float64, variant):
    """Of a mean over the examples that have steps; those without have no part in it."""
    cell, params, _, xs = attending() if variant == "attention" else example(variant)
    lengths = jnp.array([5, 3, 0, 4])
    there = np.array([0, 1, 3])

    def loss(ys):
        return jnp.sum(ys**2) / 3

    measured = jax.jit(lambda p: noise_scale(rnnx.gradient_flow(cell, p, xs, loss, lengths=lengths)))(params)

    @jax.jit
    @jax.jacobian
    def jacobian(params):
        return jnp.sum(rnnx.unroll(cell, params, xs, lengths=lengths).outputs ** 2, axis=(0, 2))

    each = np.concatenate([leaf.reshape(B, -1) for leaf in weights(jacobian(params)).values()], axis=1)[there]
    trace = np.trace(np.cov(each, rowvar=False))
    squared_norm = np.sum(each.mean(axis=0) ** 2) - trace / 3
    assert_close(measured["noise_scale/log10_trace"], np.log10(trace))
    expected = trace / squared_norm if squared_norm > 0 else np.inf
    assert_close(measured["noise_scale/noise_scale"], expected)


def test_of_trees_each_is_run_again_over_its_own_nodes(float64):
    cell = rnnx.cells.get("recursive")(H)
    params = jax.tree.map(lambda p: p.astype(float), cell.init(jax.random.key(0), H))
    xs = jax.random.normal(jax.random.key(1), (5, 2, H))
    leaf = [-1, -1]
    # ((0 1) 3), and of three nodes (0 1).
    children = jnp.array([[leaf, leaf], [leaf, leaf], [[0, 1], [0, 1]], [leaf, leaf], [[2, 3], leaf]])
    lengths = jnp.array([5, 3])

    def of_each(params, run):
        ys = run("tree", cell, params, xs, children=children, lengths=lengths).outputs
        return jnp.sum(ys**2, axis=(0, 2))

    @jax.jit
    def both(params):
        flow = rnnx.gradient_flows(lambda params, run: jnp.mean(of_each(params, run)), params)[2]["tree"]
        return noise_scale(flow), jax.jacobian(of_each)(params, plain_run)

    measured, jacobian = both(params)
    each = np.concatenate([np.asarray(leaf).reshape(2, -1) for leaf in jacobian], axis=1)
    assert_close(measured["noise_scale/log10_trace"], np.log10(np.trace(np.cov(each, rowvar=False))))


def test_small_gradients_are_not_lost():
    """In float32, where the square of 1e-25 is zero."""
    cell, params, _, xs = example("gru")
    measure = jax.jit(lambda unit: noise_scale(rnnx.gradient_flow(cell, params, xs, lambda ys: unit * jnp.sum(ys**2))))
    plain, small = measure(1.0), measure(1e-25)
    np.testing.assert_allclose(small["noise_scale/log10_trace"], plain["noise_scale/log10_trace"] - 50, rtol=1e-5)
    np.testing.assert_allclose(small["noise_scale/noise_scale"], plain["noise_scale/noise_scale"], rtol=1e-4)


def test_what_a_batch_can_not_tell():
    """One example has no spread; examples whose gradients cancel have no mean that stands out: B is infinite."""
    assert all(np.isnan(noise_scale_of(jnp.ones((1, 3)))))
    opposite = noise_scale_of(jnp.array([[1.0], [-1.0]]))
    assert (opposite.trace, opposite.squared_norm, opposite.noise_scale) == (2, -1, np.inf)
    assert noise_scale_of(jnp.ones((5, 3))).noise_scale == 0
