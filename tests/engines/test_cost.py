"""Time grows in proportion to T, and a program is compiled once."""

import time

import jax
import jax.numpy as jnp
import pytest

import rnnx
from tests.variants import slow_unless

CELL_AND_ENGINE = [("lstm", "scan"), ("lstm", "fused"), ("gru", "newton"), ("lru", "scan"), ("lru", "associative")]
every_engine_once = slow_unless(lambda cell, engine: (cell, engine) != ("lru", "scan"), CELL_AND_ENGINE)
every_engine = pytest.mark.parametrize(("cell", "engine"), every_engine_once)


@pytest.mark.parametrize(("cell", "engine"), slow_unless(lambda *case: case == ("lstm", "fused"), CELL_AND_ENGINE))
def test_time_is_linear_in_length(cell, engine):
    """From 2⁷ to 2¹³ steps, with the gradient; small states, since it was for these that a buffer was once copied whole
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
        for _ in range(3):  # the least of several: whatever else runs on the machine only adds
            start = time.perf_counter()
            jax.block_until_ready(gradient(params, xs))
            best = min(best, time.perf_counter() - start)
        return best

    # 64 times the steps; quadratic it would be 4096 times. A factor of 4 is left for what a busy machine, or a cache
    # that no longer holds it all, adds at the long end.
    assert seconds(2**13) < 4 * 64 * seconds(2**7)


@every_engine
def test_the_second_call_does_not_compile(cell, engine):
    cell = rnnx.cells.get(cell)(4)
    params = jax.eval_shape(lambda: cell.init(jax.random.key(0), 2))
    traces = 0

    @jax.jit
    def run(params, xs, state, lengths):
        nonlocal traces
        traces += 1

        def loss(params):
            trajectory = rnnx.unroll(cell, params, xs, state, lengths=lengths, engine=engine)
            return jnp.sum(trajectory.outputs**2), trajectory.final_state

        return jax.value_and_grad(loss, has_aux=True)(params)

    # Traced only, by shapes, types and weak types: whatever is compiled is traced before.
    xs, lengths = jnp.zeros((6, 3, 2)), jnp.array([6, 2, 4])
    state = jax.eval_shape(lambda: cell.initial_state(params, (3,)))
    (_, left), gradients = run.eval_shape(params, xs, state, lengths)
    stepped = jax.eval_shape(lambda *trees: jax.tree.map(lambda p, g: p - 0.1 * g, *trees), params, gradients)
    run.eval_shape(stepped, xs, left, lengths)
    assert traces == 1
