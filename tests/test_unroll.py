"""Laws of `rnnx.unroll`, for every cell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnx
from rnnx.cells.lstm import LSTMState
from rnnx.cells.rnn import RNNState
from tests.reference import gradient_parts, parts
from tests.variants import (
    CELLS,
    FEW,
    STEPPED,
    UNDRAWN,
    VARIANTS,
    WITH_REFERENCE,
    B,
    H,
    I,
    T,
    assert_close,
    example,
    few,
    inner,
    like,
    run,
    slow_unless,
    weights,
)

every_cell = pytest.mark.parametrize("variant", few(VARIANTS))
every_stepped_cell = pytest.mark.parametrize("variant", few(STEPPED))
every_reference = pytest.mark.parametrize("variant", WITH_REFERENCE)


@every_reference
def test_equals_the_numpy_reference(float64, variant):
    """Values, and gradients with respect to parameters, inputs, initial state and every state."""
    numpy = VARIANTS[variant].numpy()
    ex = example(variant)
    w = weights(ex)
    found = run(ex, w, lengths=jnp.full(B, T), resets=jnp.zeros((T, B), bool))

    p, xs, initial = numpy.unpack(ex.params), np.asarray(ex.xs), parts(ex.state._asdict())
    states = numpy.forward(p, xs, initial)
    direct = {part: np.zeros((T, *value.shape)) for part, value in initial.items()}
    for part, value in parts(w.final._asdict()).items():
        direct[part][-1] = value
    gradients = numpy.gradients(p, xs, initial, np.asarray(w.outputs), direct)

    assert_close(parts(found.trajectory.states._asdict()), states)
    assert_close(found.trajectory.outputs, numpy.outputs(p, xs, states))
    assert_close(parts(found.trajectory.final_state._asdict()), {part: value[-1] for part, value in states.items()})
    assert_close(numpy.unpack(found.params), gradients.params)
    assert_close(found.xs, gradients.xs)
    assert_close(gradient_parts(found.state._asdict()), gradients.initial)
    assert_close(gradient_parts(found.perturbations._asdict()), gradients.states)


@pytest.mark.parametrize("variant", slow_unless(lambda name: name in ("lstm", "lru"), WITH_REFERENCE))
@given(
    lengths=st.lists(st.integers(0, T + 1), min_size=B, max_size=B),
    resets=st.lists(st.lists(st.booleans(), min_size=B, max_size=B), min_size=T, max_size=T),
    reverse=st.booleans(),
)
def test_padding_and_resets_equal_separate_sequences(float64, variant, lengths, resets, reverse):
    """Cut each example where it is reset and where it ends, and run the pieces one by one in NumPy."""
    numpy = VARIANTS[variant].numpy()
    ex = example(variant)
    w = weights(ex)
    fresh = parts(ex.cell.initial_state(ex.params, (1,))._asdict())
    found = run(ex, w, reverse=reverse, lengths=jnp.array(lengths), resets=jnp.array(resets))

    p, xs, initial = numpy.unpack(ex.params), np.asarray(ex.xs), parts(ex.state._asdict())
    dys, d_final = np.asarray(w.outputs), parts(w.final._asdict())
    outputs, d_xs = np.zeros((T, B, H)), np.zeros_like(xs)
    d_params = {name: np.zeros_like(value) for name, value in p.items()}
    d_states = {part: np.zeros((T, B, H)) for part in initial}
    final = {part: value.copy() for part, value in initial.items()}
    d_initial = {part: value.copy() for part, value in d_final.items()}

    for b in range(B):
        order = range(min(lengths[b], T))
        pieces = [[]]
        for t in reversed(order) if reverse else order:
            if resets[t][b]:
                pieces.append([])
            pieces[-1].append(t)
        for number, steps in enumerate(pieces):
            is_last = number == len(pieces) - 1
            if number == 0 and not is_last:  # what is given does not reach the end
                for part in initial:
                    d_initial[part][b] = 0
            if not steps:
                continue
            start = {part: value[b : b + 1] for part, value in initial.items()} if number == 0 else fresh
            x = xs[steps, b][:, None]
            states = numpy.forward(p, x, start)
            direct = {part: np.zeros((len(steps), 1, H)) for part in initial}
            if is_last:
                for part in initial:
                    direct[part][-1, 0] = d_final[part][b]
            gradients = numpy.gradients(p, x, start, dys[steps, b][:, None], direct)
            outputs[steps, b] = numpy.outputs(p, x, states)[:, 0]
            d_xs[steps, b] = gradients.xs[:, 0]
            for name in p:
                d_params[name] += gradients.params[name]
            for part in initial:
                d_states[part][steps, b] = gradients.states[part][:, 0]
                final[part][b] = states[part][-1, 0]
                if number == 0:
                    d_initial[part][b] = gradients.initial[part][0]

    assert_close(found.trajectory.outputs, outputs)
    assert_close(parts(found.trajectory.final_state._asdict()), final)
    assert_close(numpy.unpack(found.params), d_params)
    assert_close(found.xs, d_xs)
    assert_close(gradient_parts(found.state._asdict()), d_initial)
    assert_close(gradient_parts(found.perturbations._asdict()), d_states)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_state_is_frozen_in_the_padding(float64, reverse):
    """Also where the padding holds a reset."""
    cell, params, state, xs = example("lstm")
    lengths, resets = jnp.array([2, 5, 0, 4]), jnp.ones((T, B), bool)
    found = rnnx.unroll(cell, params, xs, state, lengths=lengths, resets=resets, reverse=reverse, return_states=True)
    for b, length in enumerate(lengths):
        for part in state._fields:
            states = getattr(found.states, part)[:, b]
            frozen = getattr(state, part)[b] if reverse or length == 0 else states[length - 1]
            np.testing.assert_array_equal(states[length:], jnp.broadcast_to(frozen, (T - length, H)))


@every_stepped_cell
def test_the_whole_equals_two_halves(float64, variant):
    cell, params, state, xs = example(variant, steps=6)  # two halves of one length compile once

    @jax.jit
    def run(params, state, xs):
        return rnnx.unroll(cell, params, xs, state, return_states=True)

    whole = run(params, state, xs)
    first = run(params, state, xs[:3])
    second = run(params, first.final_state, xs[3:])
    assert_close(second.final_state, whole.final_state)
    assert_close(np.concatenate([first.outputs, second.outputs]), whole.outputs)
    assert_close(jax.tree.map(lambda a, b: np.concatenate([a, b]), first.states, second.states), whole.states)


@pytest.mark.parametrize("variant", slow_unless(lambda name: name in ("lstm", "bidirectional"), UNDRAWN))
def test_reverse_is_the_reversed_sequence_run_forwards(float64, variant):
    """Each of its own length: it starts at its own last step."""
    ex = example(variant)
    w, lengths, no_resets = weights(ex), jnp.array([5, 3, 1, 4]), jnp.zeros((T, B), bool)

    def flipped(xs):
        """The steps up to each example's length in the other order, the padding where it was."""
        t = lengths - 1 - jnp.arange(T)[:, None]
        return jnp.take_along_axis(xs, jnp.where(t < 0, jnp.arange(T)[:, None], t)[..., None], axis=0)

    backwards = run(ex, w, reverse=True, lengths=lengths, resets=no_resets).trajectory
    forwards = run(ex._replace(xs=flipped(ex.xs)), w, lengths=lengths, resets=no_resets).trajectory
    assert_close(backwards.outputs, flipped(forwards.outputs))
    assert_close(backwards.final_state, forwards.final_state)


@pytest.mark.parametrize("variant", slow_unless(lambda name: name in ("lstm", FEW[-1]), UNDRAWN))
def test_a_batch_equals_its_examples_one_by_one(float64, variant):
    ex = example(variant)
    w = weights(ex)
    lengths = np.array([5, 3, 1, 4])
    whole = jax.tree.map(np.asarray, run(ex, w, lengths=lengths, resets=np.zeros((T, B), bool)))
    ex = ex._replace(state=jax.tree.map(np.asarray, ex.state), xs=np.asarray(ex.xs))
    w = jax.tree.map(np.asarray, w)
    total = jax.tree.map(np.zeros_like, ex.params)
    for b in range(B):
        row = slice(b, b + 1)
        state_row, column = lambda tree, r=row: jax.tree.map(lambda a: a[r], tree), lambda a, r=row: a[:, r]
        alone = run(
            ex._replace(state=state_row(ex.state), xs=column(ex.xs)),
            w._replace(outputs=column(w.outputs), final=state_row(w.final)),
            lengths=lengths[row],
            resets=np.zeros((T, 1), bool),
        )
        assert_close(alone.trajectory.outputs, column(whole.trajectory.outputs))
        assert_close(alone.trajectory.final_state, state_row(whole.trajectory.final_state))
        assert_close(alone.xs, column(whole.xs))
        assert_close(alone.state, state_row(whole.state))
        assert_close(alone.perturbations, jax.tree.map(column, whole.perturbations))
        total = jax.tree.map(np.add, total, alone.params)
    assert_close(total, whole.params)


@every_cell
def test_the_second_call_does_not_compile(variant):
    """Not even when it goes on from the state that the first one left."""
    cell, params, state, xs = example(variant)
    traces = 0

    @jax.jit
    def run(params, xs, state):
        nonlocal traces
        traces += 1
        return rnnx.unroll(cell, params, xs, state)

    left = run(params, xs, cell.initial_state(params, (B,))).final_state
    run(params, 2 * xs, left)
    run(params, xs, state)
    assert traces == 1


@every_stepped_cell
def test_nan_in_gives_nan_out(float64, variant):
    """From the step where it comes in, in its own example, and nowhere else."""
    ex = example(variant)
    broken = ex._replace(xs=ex.xs.at[2, 1, 0].set(jnp.nan))
    outputs = run(broken, weights(ex), lengths=jnp.full(B, T), resets=jnp.zeros((T, B), bool)).trajectory.outputs
    is_nan = jnp.isnan(outputs).all(axis=-1)
    expected = jnp.zeros((T, B), bool).at[2:, 1].set(True)
    np.testing.assert_array_equal(is_nan, expected)
    np.testing.assert_array_equal(jnp.isnan(outputs).any(axis=-1), expected)


@every_cell
@pytest.mark.parametrize("reverse", [False, True])
def test_nan_in_the_padding_leaks_nowhere(float64, variant, reverse):
    """Neither into what is computed nor into any gradient."""
    ex = example(variant)
    w = weights(ex)
    lengths = jnp.array([3, 5, 0, 1])
    padding = (jnp.arange(T)[:, None] >= lengths)[..., None]
    poisoned = ex._replace(xs=jnp.where(padding, jnp.nan, ex.xs))
    given = {"reverse": reverse, "lengths": lengths, "resets": jnp.zeros((T, B), bool)}
    assert_close(run(poisoned, w, **given), run(ex, w, **given), rtol=0, atol=0)  # the padding is not computed with


@pytest.mark.parametrize("reverse", [False, True])
def test_nan_does_not_survive_a_reset(float64, reverse):
    """The state is replaced, not multiplied by zero: forwards and backwards."""
    ex = example("lstm")
    w = weights(ex)
    broken = ex._replace(state=jax.tree.map(lambda s: s.at[1].set(jnp.nan), ex.state))
    given = {
        "reverse": reverse,
        "lengths": jnp.full(B, T),
        "resets": jnp.zeros((T, B), bool).at[0 if not reverse else -1].set(True),
    }
    result = run(broken, w, **given)
    assert_close(result, run(ex, w, **given), rtol=0, atol=0)  # what was before the reset is not computed with


@pytest.mark.parametrize("variant", slow_unless(lambda name: name in ("lstm", "lru"), VARIANTS))
def test_forward_mode_agrees_with_reverse_mode(float64, variant):
    """Jv from `jvp` and vᵀJ from `grad` are about the same J."""
    ex = example(variant)
    w = weights(ex)
    v = like((ex.params, ex.state, ex.xs), seed=5)

    def loss(params, state, xs):
        trajectory = rnnx.unroll(ex.cell, params, xs, state, engine="scan")
        return inner(w.outputs, trajectory.outputs) + inner(w.final, trajectory.final_state)

    _, forward = jax.jit(lambda *primals: jax.jvp(loss, primals, v))(ex.params, ex.state, ex.xs)
    reverse = run(ex, w, lengths=jnp.full(B, T), resets=jnp.zeros((T, B), bool))
    # JAX's gradient with respect to a complex s is ∂L/∂Re s - i ∂L/∂Im s, so that the change along v is Re Σ v · it.
    assert_close(forward, inner(jax.tree.map(jnp.conj, v), (reverse.params, reverse.state, reverse.xs)))


# These laws are about how time is run rather than about the cell: one that has a form, and one that has not.
with_and_without_a_form = pytest.mark.parametrize(
    "variant", slow_unless(lambda name: name == "lstm", ["lstm", "gru_reset_before"])
)


@with_and_without_a_form
def test_the_second_derivative_is_the_change_of_the_first(float64, variant):
    """Hessian times vector, by forward mode over reverse and by reverse over reverse."""
    ex = example(variant, steps=3)
    w = weights(ex)
    at, v = (ex.params, ex.xs), like((ex.params, ex.xs), seed=5)

    def loss(primals):
        params, xs = primals
        return inner(w.outputs, rnnx.unroll(ex.cell, params, xs, ex.state, engine="scan").outputs ** 2)

    gradient = jax.jit(jax.grad(loss))

    @jax.jit
    def hessian_times_v(at):
        _, forward_over_reverse = jax.jvp(jax.grad(loss), (at,), (v,))
        return forward_over_reverse, jax.grad(lambda at: inner(jax.grad(loss)(at), v))(at)

    forward_over_reverse, reverse_over_reverse = hessian_times_v(at)
    assert_close(forward_over_reverse, reverse_over_reverse)
    step = 1e-5
    at, v = jax.tree.map(np.asarray, (at, v))
    ahead, behind = (gradient(jax.tree.map(lambda a, d, e=e: a + e * d, at, v)) for e in (step, -step))
    numeric = jax.tree.map(lambda a, b: (np.asarray(a) - b) / (2 * step), ahead, behind)
    # The central difference is off by step² = 1e-10 times a derivative up to 1e3, and by rounding / step = 1e-11.
    assert_close(forward_over_reverse, numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.slow  # training side by side is in training/test_program.py
@with_and_without_a_form
def test_vmap_over_parameters(float64, variant):
    """Several seeds at once are the seeds one by one."""
    cell, _, _, xs = example(variant)
    keys = jax.random.split(jax.random.key(0), 3)
    init = jax.jit(lambda key: cell.init(key, I))
    many = jax.jit(jax.vmap(init))(keys)

    def flow(params):
        return rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2))

    at_once, one = jax.jit(jax.vmap(flow))(many), jax.jit(flow)
    for n in range(3):
        assert_close(jax.tree.map(lambda a, n=n: np.asarray(a)[n], at_once), one(init(keys[n])))


def test_numpy_arrays_and_lists_will_do():
    """As they come from a data pipeline: float64 and int64, whatever precision is computed in."""
    cell, params, _, xs = example("gru")
    lengths, resets = [5, 3, 1, 4], [[False] * B] * T
    wanted = rnnx.unroll(cell, params, xs, lengths=jnp.array(lengths), resets=jnp.array(resets))
    as_numpy = (np.asarray(xs, np.float64), np.array(lengths), np.array(resets))
    for given_xs, given_lengths, given_resets in (as_numpy, (as_numpy[0].tolist(), lengths, resets)):
        found = rnnx.unroll(cell, params, given_xs, lengths=given_lengths, resets=given_resets)
        assert_close(found, wanted, rtol=0, atol=0)  # the same program on the same numbers


@pytest.mark.parametrize(
    "kind", slow_unless(lambda kind: kind in ("uint8", "int64"), ["uint8", "int8", "uint32", "int64"])
)
def test_lengths_of_any_integer_type(kind):
    """0 … 299 in a type that ends at 255 begins again at 0."""
    cell, params, _, xs = example("gru", steps=300)
    lengths = np.array([5, 0, 127, 1], kind)
    padding = np.arange(300)[:, None] >= [5, 0, 127, 1]
    xs = np.where(padding[..., None], np.float32(np.nan), xs)
    outputs = jax.jit(lambda xs, lengths: rnnx.unroll(cell, params, xs, lengths=lengths).outputs)(xs, lengths)
    np.testing.assert_array_equal((np.asarray(outputs) == 0).all(axis=-1), padding)


def state_like(shape, dtype=float):
    return LSTMState(h=jnp.zeros(shape, dtype), c=jnp.zeros(shape, dtype))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"xs": jnp.zeros(I)}, r"^xs must be \[T, B, I\] \(or \[T, I\]\), not \[2\]\.$"),
        ({"xs": jnp.zeros(())}, r"^xs must be \[T, B, I\] \(or \[T, I\]\), not \[\]\.$"),
        ({"state": RNNState(h=jnp.zeros((B, H)))}, r"^state must be a LSTMState, not RNNState\.$"),
        ({"state": (jnp.zeros((B, H)),) * 2}, r"^state must be a LSTMState, not tuple\.$"),
        ({"state": state_like((1, H))}, r"^state\.h must have shape \[4, 3\], not \[1, 3\]\.$"),
        ({"state": state_like((B, H), int)}, r"^state\.h must be float32, not int32\.$"),
        ({"perturbations": state_like((B, H))}, r"^perturbations\.h must have shape \[5, 4, 3\], not \[4, 3\]\.$"),
        ({"lengths": jnp.zeros((B, 1), int)}, r"^lengths must be whole numbers of shape \[4\], not int32\[4, 1\]\.$"),
        ({"lengths": jnp.zeros(B)}, r"^lengths must be whole numbers of shape \[4\], not float32\[4\]\.$"),
        ({"mask": jnp.zeros(B, bool)}, r"^mask must be booleans of shape \[5, 4\], not bool\[4\]\.$"),
        ({"mask": jnp.zeros((T, B), int)}, r"^mask must be booleans of shape \[5, 4\], not int32\[5, 4\]\.$"),
        ({"resets": jnp.zeros((B, T), bool)}, r"^resets must be booleans of shape \[5, 4\], not bool\[4, 5\]\.$"),
        ({"resets": jnp.zeros((T, B))}, r"^resets must be booleans of shape \[5, 4\], not float32\[5, 4\]\.$"),
        ({"engine": "cuda"}, r"^no engine named 'cuda'.* Known: .*\.$"),
    ],
)
def test_bad_arguments_are_named_in_one_line(bad, message):
    cell, params, _, xs = example("lstm")
    with pytest.raises(ValueError, match=message):
        rnnx.unroll(cell, params, **{"xs": xs} | bad)


@pytest.mark.parametrize("name", CELLS)
def test_a_wrong_number_of_features_is_said_in_one_line(name):
    cell = rnnx.cells.get(name)(4)
    params = cell.init(jax.random.key(0), 3)
    with pytest.raises(ValueError, match=r"^the cell can't step on x_t float32\[2, 7\]: [^\n]*$"):
        rnnx.unroll(cell, params, jnp.ones((5, 2, 7)))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_a_bad_input_size_is_refused(name, size):
    with pytest.raises(ValueError, match=r"input_size must be a whole number of at least 1"):
        rnnx.cells.get(name)(4).init(jax.random.key(0), size)
