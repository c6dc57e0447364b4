"""Time grows in proportion to T, and a program is compiled once."""

import time

import jax
import jax.numpy as jnp
import pytest

import rnnx

CELL_AND_ENGINE = [("lstm", "scan"), ("lstm", "fused"), ("gru", "newton"), ("lru", "scan"), ("lru", "associative")]
every_engine = pytest.mark.parametrize(("cell", "engine"), CELL_AND_ENGINE)


@every_engine
def test_time_is_linear_in_length(cell, engine):
    """From 2⁷ to 2¹⁴ steps, with the gradient; small states, since it was for these that a buffer was once copied whole
    at every step, which makes time quadratic."""
    cell = rnnx.cells.get(cell)(4)
    params = cell.init(jax.random.key(0), 2)

    @jax.jit
    def gradient(params, xs):
        return jax.grad(lambda p: jnp.sum(rnnx.unroll(cell, p, xs, engine=engine).outputs ** 2))(params)

    def seconds(T):
        xs = jax.random.normal(jax.random.key(1), (T, 1, 2))
        jax.block_until_ready(gradient(params, xs))
        best = float("inf")
        for _ in range(5):  # the least of several: whatever else runs on the machine only adds
            start = time.perf_counter()
            jax.block_until_ready(gradient(params, xs))
            best = min(best, time.perf_counter() - start)
        return best

    # 128 times the steps; quadratic it would be 16384 times. A factor of 4 is left for what a busy machine, or a cache
    # that no longer holds it all, adds at the long end.
    assert seconds(2**14) < 4 * 128 * seconds(2**7)


@every_engine
def test_the_second_call_does_not_compile(cell, engine):
    cell = rnnx.cells.get(cell)(4)
    params = cell.init(jax.random.key(0), 2)
    traces = 0

    @jax.jit
    def run(params, xs, state, lengths):
        nonlocal traces
        traces += 1

        def loss(params):
            trajectory = rnnx.unroll(cell, params, xs, state, lengths=lengths, engine=engine)
            return jnp.sum(trajectory.outputs**2), trajectory.final_state

        return jax.value_and_grad(loss, has_aux=True)(params)

    xs = jax.random.normal(jax.random.key(1), (6, 3, 2))
    (_, left), gradients = run(params, xs, cell.initial_state(params, (3,)), jnp.array([6, 2, 4]))
    stepped = jax.tree.map(lambda p, g: p - 0.1 * g, params, gradients)
    run(stepped, 2 * xs, left, jnp.array([1, 6, 6]))
    assert traces == 1
