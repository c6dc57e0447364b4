"""Truncated back-propagation through time, and long sequences in chunks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from tests.examples import B, H, I, assert_close, example, inner, like, over_time, weights

STEPS = 7  # no multiple of the chunks


def gradients(ex, w, **options):
    def loss(params, xs, state, perturbations):
        trajectory = rnnx.unroll(ex.cell, params, xs, state, perturbations=perturbations, **options)
        return inner(w.outputs, trajectory.outputs) + inner(w.final, trajectory.final_state)

    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape), over_time(ex.state, len(ex.xs)))
    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3)))(ex.params, ex.xs, ex.state, zeros)


def by_hand(ex, w, length, reverse):
    """Each stretch by itself, from the state that the one before it left, which is a number and no function."""
    T, state = len(ex.xs), ex.state
    stretches = [slice(start, min(start + length, T)) for start in range(0, T, length)]
    if reverse:
        stretches = [slice(max(stop - length, 0), stop) for stop in range(T, 0, -length)]
    value, total, xs = 0.0, jax.tree.map(jnp.zeros_like, ex.params), jnp.zeros_like(ex.xs)
    for number, steps in enumerate(stretches):
        is_last = number == len(stretches) - 1

        def loss(params, x, steps=steps, state=state, is_last=is_last):
            trajectory = rnnx.unroll(ex.cell, params, x, state, engine="scan", reverse=reverse)
            final = inner(w.final, trajectory.final_state) if is_last else 0.0
            return inner(w.outputs[steps], trajectory.outputs) + final, trajectory.final_state

        (here, state), (of_params, of_xs) = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(
            ex.params, ex.xs[steps]
        )
        value, total, xs = value + here, jax.tree.map(jnp.add, total, of_params), xs.at[steps].set(of_xs)
    return value, total, xs


@pytest.mark.parametrize("engine", ["scan", "fused"])
@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("reverse", [False, True])
def test_equals_stretches_by_hand(float64, engine, length, reverse):
    ex = example("lstm", steps=STEPS)
    w = weights(ex)
    value, (of_params, of_xs, _, _) = gradients(ex, w, truncate=length, engine=engine, reverse=reverse)
    assert_close((value, of_params, of_xs), by_hand(ex, w, length, reverse))


@pytest.mark.parametrize("length", [STEPS, STEPS + 5])
def test_as_long_as_the_sequence_it_is_the_full_gradient_exactly(float64, length):
    ex = example("lstm", steps=STEPS)
    w = weights(ex)
    assert_close(gradients(ex, w, truncate=length), gradients(ex, w), rtol=0, atol=0)


def test_known_answer(float64):
    """h ← a h + w x with x = 1: ∂h_T/∂w = (1 - a^T) / (1 - a), and with K steps (1 - a^K) / (1 - a)."""
    a, T, K = 0.9, 12, 4
    cell = rnnx.rnn(1, activation="identity")
    params = cell.init(jax.random.key(0), 1)._replace(recurrent_kernel=jnp.full((1, 1), a))

    def last(params, truncate):
        return rnnx.unroll(cell, params, jnp.ones((T, 1, 1)), truncate=truncate).final_state.h.sum()

    for truncate, steps in ((None, T), (K, K)):
        found = jax.grad(last)(params, truncate).input_kernel.item()
        np.testing.assert_allclose(found, (1 - a**steps) / (1 - a), rtol=1e-13)  # a dozen roundings


def test_a_stack_is_truncated_in_every_layer(float64):
    """At a boundary nothing passes in either layer, while within a stretch the upper one reaches the lower."""
    cell = rnnx.stack(rnnx.gru(H), rnnx.rnn(H))
    params = cell.init(jax.random.key(0), I)
    xs = like(jax.ShapeDtypeStruct((6, B, I), float), 1)

    def last(xs):
        return jnp.sum(rnnx.unroll(cell, params, xs, truncate=2).outputs[-1])

    of_xs = jax.grad(last)(xs)
    assert (of_xs[:4] == 0).all()
    assert (of_xs[4:] != 0).all()


def test_online_updates_within_chunks_learn(float64):
    """The state is carried along, so that a memory longer than a chunk is there in the values."""
    cell = rnnx.gru(H)
    params = cell.init(jax.random.key(0), I)
    xs, ys = like(jax.ShapeDtypeStruct((50, B, I), float), 1), like(jax.ShapeDtypeStruct((50, B, H), float), 2)
    traces = 0

    @jax.jit
    def update(carry, chunk):
        nonlocal traces
        traces += 1
        params, state = carry

        def loss(params):
            trajectory = rnnx.unroll(cell, params, chunk[0], state)
            return jnp.mean((trajectory.outputs - chunk[1]) ** 2), trajectory.final_state

        (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        return (jax.tree.map(lambda p, g: p - 0.1 * g, params, gradients), state), value

    first = [*rnnx.in_chunks(update, (params, cell.initial_state(params, (B,))), (xs, ys), 20)]
    assert traces == 2  # of 20 steps, and of the last 10
    assert len(first) == 3

    state = rnnx.unroll(cell, params, xs[:20]).final_state
    wanted = jnp.mean((rnnx.unroll(cell, params, xs[:20]).outputs - ys[:20]) ** 2)
    assert_close(first[0], wanted)
    assert not jnp.allclose(first[1], jnp.mean((rnnx.unroll(cell, params, xs[20:40], state).outputs - ys[20:40]) ** 2))


def test_bad_arguments_are_named_in_one_line():
    with pytest.raises(ValueError, match=r"^length must be a whole number of at least 1, not 0\.$"):
        rnnx.in_chunks(lambda c, x: (c, x), None, jnp.ones(3), 0)
    with pytest.raises(ValueError, match=r"^the arrays of a sequence must have one number of steps, not \[3, 4\]\.$"):
        rnnx.in_chunks(lambda c, x: (c, x), None, (jnp.ones(3), jnp.ones(4)), 2)
    ex = example("rnn")
    with pytest.raises(ValueError, match=r"^truncate must be a whole number of at least 1, not 0\.$"):
        rnnx.unroll(ex.cell, ex.params, ex.xs, truncate=0)
