import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.flossing import flossing
from rnnx.dynamics.lyapunov import lyapunov_spectrum
from rnnx.dynamics.regularizers import gradient_flossing
from tests.variants import example, inner, like, slow_unless


@functools.cache
def compiled(cell, count, target=0.0, transient=0):
    return jax.jit(jax.value_and_grad(lambda params, xs: gradient_flossing(cell, params, xs, count, target, transient)))


@pytest.mark.parametrize("variant", slow_unless(lambda name: name == "lstm", ["lstm", "lru", "stack"]))
def test_the_gradient_is_that_of_finite_differences(float64, variant):
    """Along a direction in which all parameters move; through every QR."""
    cell, params, _, xs = example(variant, steps=8)
    floss = compiled(cell, 2, -0.1)
    _, gradient = floss(params, xs)
    direction = like(params, seed=5)
    moved = lambda e: floss(jax.tree.map(lambda p, d: p + e * d, params, direction), xs)[0]  # noqa: E731
    e = 1e-5  # rounding 1e-16 / e = 1e-11, curvature e² = 1e-10 times third derivatives
    np.testing.assert_allclose(inner(gradient, direction), (moved(e) - moved(-e)) / (2 * e), rtol=1e-6, atol=1e-8)
    assert abs(inner(gradient, direction)) > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("target", [0.0, -0.2])
def test_gradient_descent_moves_the_exponents_to_the_target(target):
    """In float32, for a tanh network that starts contracting."""
    H, count = 16, 8
    cell = rnnx.rnn(H, recurrent_initializer="gaussian(0.5)")
    params = cell.init(jax.random.key(0), 2)
    xs = 0.1 * jax.random.normal(jax.random.key(1), (30, 2, 2))
    floss = compiled(cell, count, target, 5)
    first, _ = floss(params, xs)

    @jax.jit
    def trained(params, xs):
        def step(_, params):
            return jax.tree.map(lambda p, g: p - 0.3 * g, params, floss(params, xs)[1])

        return jax.lax.fori_loop(0, 60, step, params)

    params = trained(params, xs)
    last, gradient = floss(params, xs)
    assert first > 0.3
    assert last < 0.01 * first
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradient))
    rates = jax.jit(lambda params, xs: lyapunov_spectrum(cell, params, xs, count, 5))(params, xs)
    np.testing.assert_allclose(rates, target, atol=0.1)


def test_the_measurement_takes_the_larger_half_up_to_the_last_step(float64):
    """⌈3 / 2⌉ exponents of the examples that have a step."""
    cell, params, _, xs = example("gru")
    lengths = [5, 3, 0, 3]
    measured = jax.jit(lambda xs: flossing(rnnx.gradient_flow(cell, params, xs, jnp.sum, lengths=jnp.array(lengths))))(
        xs
    )
    spectrum, xs = jax.jit(lambda xs: lyapunov_spectrum(cell, params, xs, 2)), np.asarray(xs)
    rates = [spectrum(xs[:length, b]) for b, length in enumerate(lengths) if length]
    np.testing.assert_allclose(measured["flossing/value"], np.mean(np.square(rates)), rtol=1e-12)


@pytest.mark.slow
def test_it_can_be_added_to_a_loss():
    """In one jitted function, with the engine that has a backward pass of its own."""
    cell, params, _, xs = example("gru")

    def loss(params):
        return jnp.sum(rnnx.unroll(cell, params, xs).outputs[-1] ** 2)

    @jax.jit
    def gradients(params):
        floss = functools.partial(gradient_flossing, cell, xs=xs, count=2)
        return [jax.grad(f)(params) for f in (lambda p: loss(p) + 0.1 * floss(p), loss, floss)]

    both, task, floss = gradients(params)
    expected = jax.tree.map(lambda a, b: a + 0.1 * b, task, floss)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), both, expected)  # float32
