"""Cuts at random: values stay, and the mean of the gradient over all cuts that can be is the whole gradient."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.combinators.random_truncation import _kept
from tests.variants import B, I, assert_close, example, example_of, inner, like, make, slow_unless

KEY = jax.random.key(5)
STEPS = 4


def draws(probability, chain=(), keys=20000, steps=STEPS):
    """What many keys draw, [keys, T], for the part that `chain` leads to in a cell made of cells."""

    def of_key(key):
        return _kept(functools.reduce(jax.random.fold_in, chain, key), probability, steps)

    return np.asarray(jax.jit(jax.vmap(of_key))(jax.random.split(KEY, keys)))


def every_draw(bits):
    """A key for each pattern that can be, from what all keys drew `[keys, n]`, and the patterns `[2^n, n]`."""
    patterns, first = np.unique(bits, axis=0, return_index=True)
    assert len(patterns) == 2 ** bits.shape[1], "more keys are needed to see each pattern once"
    return jax.random.split(KEY, len(bits))[first], patterns


def expectation(gradients, patterns, probability):
    """Σ over patterns of their chance times the gradient."""
    chances = np.prod(np.where(patterns, 1 - probability, probability), axis=1)
    assert_close(chances.sum(), np.float64(1))
    return jax.tree.map(lambda g: np.tensordot(chances, g, axes=1), gradients)


def gradients(cell, params, xs, keys, probability):
    """∂L/∂params of a loss at all steps, for each key."""
    w = like(jax.ShapeDtypeStruct((len(xs), B, cell.output_size), float), seed=3)

    def loss(params, cell):
        return inner(w, rnnx.unroll(cell, params, xs).outputs ** 2)

    @jax.jit
    def run(params, keys):
        whole = jax.grad(loss)(params, cell)
        return whole, jax.vmap(lambda key: jax.grad(loss)(params, rnnx.random_truncation(cell, key, probability)))(keys)

    return run(params, keys)


@pytest.mark.parametrize(
    "variant",
    slow_unless(
        lambda name: name not in ("lstm", "lru"), ["lstm", "lru", "zoneout_expected_learned_initial_state_layer_norm"]
    ),
)
def test_the_mean_over_all_draws_is_the_gradient(float64, variant):
    """All 2^T patterns of cuts, each with its chance; a learned initial state is behind the cut of the first step."""
    cell, params, _, xs = example(variant, steps=STEPS)
    probability = 0.3
    keys, patterns = every_draw(draws(probability))
    whole, each = gradients(cell, params, xs, keys, probability)
    assert_close(expectation(each, patterns, probability), whole)
    noise = jax.tree.map(lambda g, w: np.abs(np.asarray(g) - w).max(), each, whole)
    assert max(map(float, jax.tree.leaves(noise))) > 0.1, "and a single one is far from it"


@pytest.mark.slow
def test_the_mean_over_all_draws_where_a_gradient_crosses_a_step_twice(float64):
    """Two layers that run in both directions: forwards in the lower one and backwards in the upper one. Each of the
    four cells has draws of its own; those at the start of a cell's own direction cut nothing."""
    layer = rnnx.bidirectional(rnnx.rnn(2), rnnx.rnn(2))
    cell, params, _, xs = example_of(rnnx.stack(layer, layer), steps=3)
    probability = 0.5
    bits = []
    for level in (0, 1):
        bits.append(draws(probability, (level, 0), steps=3)[:, 1:])
        bits.append(draws(probability, (level, 1), steps=3)[:, :-1])
    keys, patterns = every_draw(np.concatenate(bits, axis=1))
    whole, each = gradients(cell, params, xs, keys, probability)
    assert_close(expectation(each, patterns, probability), whole)


@pytest.mark.parametrize(
    "variant",
    slow_unless(
        lambda name: name in ("lstm", "lru", "bidirectional"),
        ["lstm", "gru_reset_before", "lru", "stack", "bidirectional", "zoneout"],
    ),
)
def test_values_are_the_cells(float64, variant):
    cell, params, state, xs = example(variant)
    lengths = jnp.array([5, 3, 0, 4])

    @jax.jit
    def run(params, state, xs):
        return [
            rnnx.unroll(c, params, xs, state, lengths=lengths, return_states=True)
            for c in (cell, rnnx.random_truncation(cell, KEY, 0.4))
        ]

    plain, cut = run(params, state, xs)
    assert_close(cut, plain)


def test_the_gradient_at_each_step_is_weighed(float64):
    """h_t = x_t + a h_{t-1}: δ_{t-1} = w_t a δ_t, w_t being 0 or 1 / (1 - c)."""
    a, c, steps = 0.9, 0.25, 12
    cell = rnnx.rnn(1, activation="identity")
    params = cell.init(KEY, 1)._replace(input_kernel=jnp.ones((1, 1)), recurrent_kernel=jnp.full((1, 1), a))

    @jax.jit
    @jax.vmap
    def of_key(key):
        cut = rnnx.random_truncation(cell, key, c)
        flow = rnnx.gradient_flow(cut, params, jnp.ones((steps, 1, 1)), lambda ys: ys[-1].sum())
        return _kept(key, c, steps), flow.state_gradients.h

    for kept, gradients in zip(*jax.device_get(of_key(jax.random.split(KEY, 5))), strict=True):
        w = kept / (1 - c)
        delta = [1.0]
        for t in range(steps - 1, 0, -1):
            delta.append(w[t] * a * delta[-1])
        assert_close(gradients[::-1, 0, 0], np.array(delta))
        np.testing.assert_allclose(gradients[-1], 1)


def test_cuts_come_with_their_probability_and_do_not_depend_on_the_length(float64):
    kept = draws(0.2, keys=2000, steps=20)
    n = kept.size
    np.testing.assert_allclose(1 - kept.mean(), 0.2, rtol=0, atol=5 * np.sqrt(0.2 * 0.8 / n))  # five standard errors
    np.testing.assert_array_equal(draws(0.2, keys=2000, steps=7), kept[:, :7])
    together = np.mean(kept[:, 1:] & kept[:, :-1])
    np.testing.assert_allclose(together, 0.64, rtol=0, atol=5 * np.sqrt(0.64 * 0.36 / n))  # independent of each other


def test_the_probability_may_be_traced(float64):
    """So that it can be changed during training without compiling again; 0 is the cell."""
    cell, params, _, xs = example("gru")

    @jax.jit
    def run(params, probability):
        def gradient(cell):
            return jax.grad(lambda p: rnnx.unroll(cell, p, xs).outputs.sum())(params)

        cells = cell, *(rnnx.random_truncation(cell, KEY, c) for c in (0.5, probability))
        return [gradient(each) for each in cells]

    whole, half, traced = run(params, jnp.float64(0.5))
    assert_close(traced, half)
    assert_close(run(params, jnp.float64(0.0))[-1], whole)


def test_engines_agree_and_infinities_stay(float64):
    cell, params, state, xs = example("lstm")
    cut = rnnx.random_truncation(cell, KEY, 0.4)

    @functools.partial(jax.jit, static_argnums=1)
    def gradient(params, engine):
        return jax.grad(lambda p: rnnx.unroll(cut, p, xs, state, engine=engine).outputs.sum())(params)

    assert_close(gradient(params, "scan"), gradient(params, "loop"))
    assert cut.step is None
    assert cut.gates is cell.gates
    linear = make("rnn_identity")
    params = linear.init(KEY, I)

    @jax.jit
    def values(params, xs):
        return [rnnx.unroll(c, params, xs).outputs for c in (rnnx.random_truncation(linear, KEY, 0.4), linear)]

    np.testing.assert_array_equal(*values(params, xs.at[0].set(jnp.inf)))


@pytest.mark.parametrize(
    ("probability", "message"),
    [
        (-0.1, r"^probability must lie between 0 and 1, not -0\.1\.$"),
        (1, r"^probability must be below 1, since what is not cut is divided by 1 - probability\.$"),
        ("0.5", r"^probability must be a finite number, not '0\.5'\.$"),
    ],
)
def test_a_bad_probability_is_refused_in_one_line(probability, message):
    with pytest.raises(ValueError, match=message):
        rnnx.random_truncation(make("lstm"), KEY, probability)


def test_what_is_not_a_key_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^key must be a key such as jax\.random\.key\(0\), not 0\.3\.$"):
        rnnx.random_truncation(make("lstm"), 0.3, 0.1)
