"""Layer by layer is what it says."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnx
from tests import reference
from tests.variants import B, H, I, T, assert_close, example_of, like, over_time, run, weights

LOWER, UPPER = rnnx.rnn(H), rnnx.lstm(2)
STACK = rnnx.stack(LOWER, UPPER)


def to_numpy(tree):
    return jax.tree.map(np.asarray, tree)


def test_equals_numpy_layer_after_layer(float64):
    """Values and gradients; ∂L/∂h_t of the lower layer includes what the upper one makes of h_t."""
    ex = example_of(STACK)
    w = weights(ex)
    found = run(ex, w, lengths=jnp.full(B, T), resets=jnp.zeros((T, B), bool))

    lower, upper = reference.get("rnn"), reference.get("lstm")
    p = [numpy.unpack(params) for numpy, params in zip((lower, upper), ex.params.layers, strict=True)]
    start = [to_numpy(state._asdict()) for state in ex.state.layers]
    below = lower.forward(p[0], np.asarray(ex.xs), start[0])
    above = upper.forward(p[1], below["h"], start[1])

    direct = {part: np.zeros((T, B, 2)) for part in ("h", "c")}
    direct["h"] += np.asarray(w.outputs)
    for part in direct:
        direct[part][-1] += np.asarray(getattr(w.final.layers[1], part))
    into_upper = upper.backward(p[1], below["h"], start[1], direct)
    direct = {"h": np.array(into_upper.xs)}
    direct["h"][-1] += np.asarray(w.final.layers[0].h)
    into_lower = lower.backward(p[0], np.asarray(ex.xs), start[0], direct)

    assert_close(found.trajectory.outputs, above["h"])
    assert_close([s._asdict() for s in found.trajectory.states.layers], [below, above])
    assert_close(lower.unpack(found.params.layers[0]), into_lower.params)
    assert_close(upper.unpack(found.params.layers[1]), into_upper.params)
    assert_close(found.xs, into_lower.xs)
    assert_close([s._asdict() for s in found.state.layers], [into_lower.initial, into_upper.initial])
    assert_close([s._asdict() for s in found.perturbations.layers], [into_lower.states, into_upper.states])


@jax.jit
def by_hand(params, state, xs, perturbations, lengths, resets, reverse):
    def both(reverse):
        masks = {"lengths": lengths, "resets": resets, "reverse": reverse, "return_states": True}
        trajectories = []
        ys = xs
        for cell, p, s, added in zip((LOWER, UPPER), params.layers, state.layers, perturbations.layers, strict=True):
            trajectories.append(rnnx.unroll(cell, p, ys, s, perturbations=added, **masks))
            ys = trajectories[-1].outputs
        return trajectories

    return jax.lax.cond(reverse, lambda: both(True), lambda: both(False))


@settings(max_examples=10)
@given(
    lengths=st.lists(st.integers(0, T + 1), min_size=B, max_size=B),
    resets=st.lists(st.lists(st.booleans(), min_size=B, max_size=B), min_size=T, max_size=T),
    reverse=st.booleans(),
)
def test_lengths_resets_and_direction_hold_for_every_layer(float64, lengths, resets, reverse):
    ex = example_of(STACK)
    lengths, resets = jnp.array(lengths), jnp.array(resets)
    added = like(over_time(ex.state, T), seed=4)
    found = run(ex, weights(ex), reverse=reverse, perturbations=added, lengths=lengths, resets=resets).trajectory
    lower, upper = by_hand(ex.params, ex.state, ex.xs, added, lengths, resets, reverse)
    assert_close(found.outputs, upper.outputs)
    assert_close(found.final_state.layers, (lower.final_state, upper.final_state))
    assert_close(found.states.layers, (lower.states, upper.states))


def test_stepping_equals_unrolling(float64):
    """As generation does it: step, read, and the next input."""
    ex = example_of(STACK)
    wanted = run(ex, weights(ex), lengths=jnp.full(B, T), resets=jnp.zeros((T, B), bool)).trajectory
    state = ex.state
    for t, x in enumerate(ex.xs):
        state = STACK.step(ex.params, state, x)
        assert_close(state, jax.tree.map(lambda s, t=t: s[t], wanted.states))
        assert_close(STACK.read(ex.params, state, x), wanted.outputs[t])


def test_gates_are_those_of_each_layer(float64):
    """Of the layer's own state before the step and the layer below's output at it."""
    lower, upper = rnnx.lstm(H), rnnx.gru(2)
    cell = rnnx.stack(rnnx.rnn(4), lower, upper)
    ex = example_of(cell)
    after = cell.step(ex.params, ex.state, ex.xs[0])
    found = cell.gates(ex.params, ex.state, ex.xs[0])
    first = lower.gates(ex.params.layers[1], ex.state.layers[1], after.layers[0].h)
    second = upper.gates(ex.params.layers[2], ex.state.layers[2], after.layers[1].h)
    wanted = {f"layers.1.{name}": gate for name, gate in first.items()}
    wanted |= {f"layers.2.{name}": gate for name, gate in second.items()}
    assert_close(found, wanted)
    assert rnnx.stack(rnnx.rnn(H), rnnx.rnn(H)).gates is None


@pytest.mark.slow
def test_every_measurement_names_the_layers():
    cell = rnnx.stack(rnnx.lstm(H), rnnx.rnn(2))
    ex = example_of(cell)

    def measured(params, xs, names):
        evidence = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2))
        return {name: rnnx.diagnostics.get(name)(evidence) for name in names}

    traced = jax.eval_shape(functools.partial(measured, names=rnnx.diagnostics.names()), ex.params, ex.xs)
    of_one_layer = {"attention", "mean_field", "recurrent_matrix"}
    assert {name for name, values in traced.items() if not values} == of_one_layer
    computed = jax.jit(functools.partial(measured, names=("state_gradient", "gates", "weight_gradient")))
    found = jax.device_get(computed(ex.params, ex.xs))
    for tag in ("layers.0.h", "layers.0.c", "layers.1.h"):
        assert np.isfinite(found["state_gradient"][f"state_gradient/{tag}/decay_rate"])
    assert 0 < found["gates"]["gates/layers.0.forget/mean"] < 1
    assert np.isfinite(found["weight_gradient"]["weight_gradient/layers.1.input_kernel/log10_norm"])


def test_layers_are_drawn_independently():
    params = rnnx.stack(rnnx.rnn(H), rnnx.rnn(H)).init(jax.random.key(0), H)
    for a, b in zip(params.layers[0][:2], params.layers[1][:2], strict=True):
        assert not np.array_equal(a, b)


def test_each_layer_is_given_the_size_below():
    cell = rnnx.stack(rnnx.rnn(4), rnnx.bidirectional(rnnx.gru(H), rnnx.rnn(2)), rnnx.lstm(7))
    params = jax.eval_shape(lambda: cell.init(jax.random.key(0), I))
    assert params.layers[0].input_kernel.shape == (I, 4)
    assert params.layers[1].forward.input_kernel.shape[0] == params.layers[1].backward.input_kernel.shape[0] == 4
    assert params.layers[2].input_kernel.shape[0] == H + 2


def test_one_layer_that_cannot_be_stepped_is_enough():
    cell = rnnx.stack(rnnx.lstm(H), rnnx.bidirectional(rnnx.gru(H), rnnx.gru(H)))
    assert cell.step is None
    assert cell.gates is None


def test_no_layers_are_refused():
    with pytest.raises(ValueError, match=r"^stack takes at least one cell\.$"):
        rnnx.stack()
