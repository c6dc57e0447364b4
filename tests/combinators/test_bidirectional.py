"""Each example alone, unpadded, run both ways."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnx
from tests import reference
from tests.variants import B, H, I, T, assert_close, example_of, run, weights

CELL = rnnx.bidirectional(rnnx.rnn(H), rnnx.lstm(2))
NUMPY = {"forward": reference.get("rnn"), "backward": reference.get("lstm")}


@settings(max_examples=10)
@given(lengths=st.lists(st.integers(0, T + 1), min_size=B, max_size=B), reverse=st.booleans())
def test_equals_each_example_alone_run_both_ways(float64, lengths, reverse):
    """In NumPy: values, and gradients with respect to everything. `reverse` turns both."""
    ex = example_of(CELL)
    w = weights(ex)
    found = run(ex, w, reverse=reverse, lengths=jnp.array(lengths), resets=jnp.zeros((T, B), bool))

    outputs, d_xs = np.zeros((T, B, H + 2)), np.zeros((T, B, I))
    columns = {"forward": slice(H), "backward": slice(H, None)}
    for side, numpy in NUMPY.items():
        p, state, w_final = (getattr(tree, side) for tree in (ex.params, ex.state, w.final))
        p, start, w_final = numpy.unpack(p), state._asdict(), w_final._asdict()
        d_params = {name: np.zeros_like(value) for name, value in p.items()}
        final = {part: np.array(value) for part, value in start.items()}
        d_initial = {part: np.array(value) for part, value in w_final.items()}
        d_states = {part: np.zeros((T, *value.shape)) for part, value in start.items()}
        for b in range(B):
            steps = np.arange(min(lengths[b], T))
            if not steps.size:
                continue
            if reverse ^ (side == "backward"):
                steps = steps[::-1]
            x = np.asarray(ex.xs)[steps, b][:, None]
            own = {part: np.asarray(value)[b : b + 1] for part, value in start.items()}
            states = numpy.forward(p, x, own)
            direct = {part: np.zeros_like(value) for part, value in states.items()}
            direct["h"][:, 0] += np.asarray(w.outputs)[steps, b, columns[side]]
            for part in direct:
                direct[part][-1, 0] += w_final[part][b]
                final[part][b] = states[part][-1, 0]
            gradients = numpy.backward(p, x, own, direct)
            outputs[steps, b, columns[side]] = states["h"][:, 0]
            d_xs[steps, b] += gradients.xs[:, 0]
            for name in p:
                d_params[name] += gradients.params[name]
            for part in own:
                d_initial[part][b] = gradients.initial[part][0]
                d_states[part][steps, b] = gradients.states[part][:, 0]
        assert_close(getattr(found.trajectory.final_state, side)._asdict(), final)
        assert_close(numpy.unpack(getattr(found.params, side)), d_params)
        assert_close(getattr(found.state, side)._asdict(), d_initial)
        assert_close(getattr(found.perturbations, side)._asdict(), d_states)
    assert_close(found.trajectory.outputs, outputs)
    assert_close(found.xs, d_xs)


@settings(max_examples=10)
@given(resets=st.lists(st.lists(st.booleans(), min_size=B, max_size=B), min_size=T, max_size=T))
def test_a_reset_stands_before_a_step_in_each_direction(float64, resets):
    ex, lengths, resets = example_of(CELL), jnp.array([5, 3, 1, 4]), jnp.array(resets)
    found = run(ex, weights(ex), lengths=lengths, resets=resets).trajectory
    forward, backward = one_by_one(ex.params, ex.state, ex.xs, lengths, resets)
    assert_close(found.outputs, np.concatenate([forward, backward], axis=-1))


@jax.jit
def one_by_one(params, state, xs, lengths, resets):
    masks = {"lengths": lengths, "resets": resets}
    forward = rnnx.unroll(rnnx.rnn(H), params.forward, xs, state.forward, **masks)
    backward = rnnx.unroll(rnnx.lstm(2), params.backward, xs, state.backward, reverse=True, **masks)
    return forward.outputs, backward.outputs


def test_layers_of_it_with_lengths_equal_each_example_alone(float64):
    """The second layer's backward cell starts where the example ends, on outputs that have seen nothing else."""
    cell = rnnx.stack(CELL, rnnx.bidirectional(rnnx.rnn(H), rnnx.rnn(2)))
    params, xs, lengths = (ex := example_of(cell, batch_shape=(2,))).params, ex.xs, [5, 3]

    @jax.jit
    def run_all(params, xs):
        outputs = rnnx.unroll(cell, params, xs, lengths=jnp.array(lengths)).outputs
        each = [rnnx.unroll(cell, params, xs[:length, b : b + 1]).outputs for b, length in enumerate(lengths)]
        return outputs, each

    outputs, each = jax.device_get(run_all(params, xs))
    for b, (length, alone) in enumerate(zip(lengths, each, strict=True)):
        assert_close(outputs[:length, b : b + 1], alone)


def test_nan_spreads_both_ways_in_its_own_example(float64):
    ex = example_of(CELL)
    broken = ex._replace(xs=ex.xs.at[2, 1, 0].set(jnp.nan))
    outputs = run(broken, weights(ex), lengths=jnp.full(B, T), resets=jnp.zeros((T, B), bool)).trajectory.outputs
    expected = np.zeros((T, B, H + 2), bool)
    expected[2:, 1, :H] = True
    expected[:3, 1, H:] = True
    np.testing.assert_array_equal(jnp.isnan(outputs), expected)


def test_the_two_are_drawn_independently():
    params = rnnx.bidirectional(rnnx.rnn(H), rnnx.rnn(H)).init(jax.random.key(0), I)
    assert not np.array_equal(params.forward.input_kernel, params.backward.input_kernel)


@pytest.mark.parametrize(
    ("merge", "merged"),
    [
        ("concat", lambda f, b: jnp.concatenate([f, b], axis=-1)),
        ("sum", lambda f, b: f + b),
        ("mul", lambda f, b: f * b),
        ("ave", lambda f, b: (f + b) / 2),
        (lambda f, b: (f - b)[..., :2], lambda f, b: (f - b)[..., :2]),
    ],
    ids=["concat", "sum", "mul", "ave", "function"],
)
def test_outputs_are_merged(merge, merged):
    cell = rnnx.bidirectional(rnnx.rnn(H), rnnx.rnn(H), merge=merge)
    params, state, xs = example_of(cell)[1:]

    @jax.jit
    def both_ways(params, state, xs):
        forward = rnnx.unroll(rnnx.rnn(H), params.forward, xs, state.forward).outputs
        backward = rnnx.unroll(rnnx.rnn(H), params.backward, xs, state.backward, reverse=True).outputs
        return rnnx.unroll(cell, params, xs, state).outputs, merged(forward, backward)

    outputs, expected = both_ways(params, state, xs)
    assert_close(outputs, expected, rtol=1e-6, atol=1e-6)  # other programs: a few float32 roundings
    assert cell.output_size == outputs.shape[-1]
    of_stack = jax.eval_shape(lambda: rnnx.stack(cell, rnnx.gru(2)).init(jax.random.key(0), I))
    assert of_stack.layers[1].input_kernel.shape[0] == cell.output_size


@pytest.mark.parametrize(
    ("sizes", "merge", "message"),
    [
        ((3, 2), "sum", r"^merge 'sum' does not make one output of outputs of the sizes 3 and 2\.$"),
        ((3, 1), "mul", r"^merge 'mul' does not make one output of outputs of the sizes 3 and 1\.$"),
        ((3, 3), lambda f, b: f @ b, r"^merge <.*> does not make one output of outputs of the sizes 3 and 3\.$"),
        (
            (3, 3),
            "concatenate",
            r"^no merge named 'concatenate'; did you mean 'concat'\? Known: ave, concat, mul, sum\.$",
        ),
    ],
)
def test_a_merge_that_is_none_is_refused_in_one_line(sizes, merge, message):
    with pytest.raises(ValueError, match=message):
        rnnx.bidirectional(*map(rnnx.rnn, sizes), merge=merge)


def test_one_cell_is_not_enough():
    with pytest.raises(ValueError, match=r"^bidirectional takes cells"):
        rnnx.bidirectional(rnnx.rnn(H), None)
