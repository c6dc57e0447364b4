"""Truncated back-propagation through time, and long sequences in chunks."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from tests.variants import B, H, I, assert_close, example, example_of, inner, like, over_time, slow_unless, weights

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

    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
    def of_stretch(params, x, state, w_outputs, w_final):
        trajectory = rnnx.unroll(ex.cell, params, x, state, engine="scan", reverse=reverse)
        return inner(w_outputs, trajectory.outputs) + inner(w_final, trajectory.final_state), trajectory.final_state

    for number, steps in enumerate(stretches):
        w_final = w.final if number == len(stretches) - 1 else jax.tree.map(jnp.zeros_like, w.final)
        (here, state), (of_params, of_xs) = of_stretch(ex.params, ex.xs[steps], state, w.outputs[steps], w_final)
        value, total, xs = value + here, jax.tree.map(jnp.add, total, of_params), xs.at[steps].set(of_xs)
    return value, total, xs


@pytest.mark.parametrize(
    ("engine", "length", "reverse"),
    slow_unless(
        lambda *case: case in (("scan", 1, True), ("fused", 3, False)),
        itertools.product(("scan", "fused"), (1, 3), (False, True)),
    ),
)
def test_equals_stretches_by_hand(float64, engine, length, reverse):
    ex = example("lstm", steps=STEPS)
    w = weights(ex)
    value, (of_params, of_xs, _, _) = gradients(ex, w, truncate=length, engine=engine, reverse=reverse)
    assert_close((value, of_params, of_xs), by_hand(ex, w, length, reverse))


@pytest.mark.parametrize("length", slow_unless(lambda length: length > STEPS, [STEPS, STEPS + 5]))
def test_as_long_as_the_sequence_it_is_the_full_gradient_exactly(float64, length):
    ex = example("lstm", steps=STEPS)
    w = weights(ex)
    assert_close(gradients(ex, w, truncate=length), gradients(ex, w), rtol=0, atol=0)


# Each way to run time, with what else changes how it is cut.
WAYS = {
    "fused": (rnnx.lstm(H), {}),
    "fused, whole segments": (rnnx.lstm(H), {"engine": "fused", "remat": 2}),
    "scan, recomputed": (rnnx.lstm(H), {"engine": "scan", "remat": "full"}),
    "associative": (rnnx.minlstm(H), {"engine": "associative"}),
    "bidirectional": (rnnx.bidirectional(rnnx.gru(H), rnnx.minlstm(H)), {}),
}


def every_way(*few):
    """Ways and directions, of which the fast suite keeps a few."""
    ways = itertools.product((*WAYS, "loop", "newton"), (False, True))
    return pytest.mark.parametrize(("way", "reverse"), slow_unless(lambda *case: case in few, ways))


def of_way(way):
    return WAYS[way] if way in WAYS else (rnnx.minlstm(H), {"engine": way})


@every_way(("fused", False))
def test_padding_changes_no_gradient(float64, way, reverse):
    """The cuts lie K, 2K, … steps from where an example begins to run, however much padding there is, and behind its
    last step there is none: through outputs and final state, to parameters, inputs, initial state and every state."""
    cell, options = of_way(way)
    ex, resets = example_of(cell, steps=5), jnp.zeros((STEPS, B), bool).at[1, 0].set(True)
    given = options | {"truncate": 2, "reverse": reverse, "lengths": [5, 3, 0, 2]}
    found = []
    for T in (5, STEPS):
        padded = jnp.concatenate([ex.xs, jnp.full((T - 5, B, I), jnp.nan)])
        w = weights(ex)
        w = w._replace(outputs=jnp.concatenate([w.outputs, jnp.ones((T - 5, *w.outputs.shape[1:]))]))
        value, (params, xs, state, states) = gradients(ex._replace(xs=padded), w, resets=resets[:T], **given)
        assert (xs[5:] == 0).all()
        found.append((value, params, xs[:5], state, jax.tree.map(lambda s: s[:5], states)))
    assert_close(found[1], found[0])


@every_way(("associative", True))
def test_masked_steps_are_not_counted(float64, way, reverse):
    """Cuts lie where they lie without these steps: two are left of each example's first three and last three."""
    cell, options = of_way(way)
    ex = example_of(cell, steps=6)
    w = weights(ex)
    mask = np.ones((6, B), bool)
    mask[[0, 1, 2, 0], range(B)] = mask[[3, 5, 4, 4], range(B)] = False

    def left(a):
        return jnp.stack([a[mask[:, b], b] for b in range(B)], axis=1)

    given = options | {"truncate": 2, "reverse": reverse}
    poisoned = ex._replace(xs=jnp.where(mask[..., None], ex.xs, jnp.nan))
    value, (params, xs, state, states) = gradients(poisoned, w, mask=mask, lengths=jnp.full(B, 6), **given)
    wanted = gradients(ex._replace(xs=left(ex.xs)), w._replace(outputs=left(w.outputs)), **given)
    assert_close((value, (params, left(xs), state, jax.tree.map(left, states))), wanted)


def test_a_small_integer_type_does_not_run_over():
    ex = example("rnn", steps=300, batch_shape=(1,))
    w = weights(ex)
    assert_close(gradients(ex, w, truncate=np.uint8(7)), gradients(ex, w, truncate=7), rtol=0, atol=0)
    chunks = [*rnnx.in_chunks(lambda carry, x: (carry, len(x)), None, jnp.ones(300), np.uint8(7))]
    assert chunks == [7] * 42 + [6]


def test_known_answer(float64):
    """h ← a h + w x with x = 1: ∂h_T/∂w = (1 - a^T) / (1 - a), and with K steps (1 - a^K) / (1 - a)."""
    a, T, K = 0.9, 12, 4
    cell = rnnx.rnn(1, activation="identity")
    params = cell.init(jax.random.key(0), 1)._replace(recurrent_kernel=jnp.full((1, 1), a))

    def last(params, truncate):
        return rnnx.unroll(cell, params, jnp.ones((T, 1, 1)), truncate=truncate).final_state.h.sum()

    for truncate, steps in ((None, T), (K, K)):
        found = jax.jit(jax.grad(last), static_argnums=1)(params, truncate).input_kernel.item()
        np.testing.assert_allclose(found, (1 - a**steps) / (1 - a), rtol=1e-13)  # a dozen roundings


def test_a_stack_is_truncated_in_every_layer(float64):
    """At a boundary nothing passes in either layer, while within a stretch the upper one reaches the lower."""
    cell = rnnx.stack(rnnx.gru(H), rnnx.rnn(H))
    params = cell.init(jax.random.key(0), I)
    xs = like(jax.ShapeDtypeStruct((6, B, I), float), 1)

    def last(xs):
        return jnp.sum(rnnx.unroll(cell, params, xs, truncate=2).outputs[-1])

    of_xs = np.asarray(jax.jit(jax.grad(last))(xs))
    assert (of_xs[:4] == 0).all()
    assert (of_xs[4:] != 0).all()


@pytest.mark.slow
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

    @jax.jit
    def without_updates(xs, ys):
        outputs = rnnx.unroll(cell, params, xs).outputs
        return [jnp.mean((outputs[steps] - ys[steps]) ** 2) for steps in (slice(20), slice(20, 40))]

    wanted = without_updates(xs, ys)
    assert_close(first[0], wanted[0])
    assert not np.allclose(first[1], wanted[1])


def test_bad_arguments_are_named_in_one_line():
    with pytest.raises(ValueError, match=r"^length must be a whole number of at least 1, not 0\.$"):
        rnnx.in_chunks(lambda c, x: (c, x), None, jnp.ones(3), 0)
    with pytest.raises(ValueError, match=r"^the arrays of a sequence must have one number of steps, not \[3, 4\]\.$"):
        rnnx.in_chunks(lambda c, x: (c, x), None, (jnp.ones(3), jnp.ones(4)), 2)
    ex = example("rnn")
    with pytest.raises(ValueError, match=r"^truncate must be a whole number of at least 1, not 0\.$"):
        rnnx.unroll(ex.cell, ex.params, ex.xs, truncate=0)
