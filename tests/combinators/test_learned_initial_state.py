"""An initial state among the parameters: its value, and its gradient."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnx
from tests import reference
from tests.variants import B, H, I, T, assert_close, example, example_of, like

CELL = rnnx.lstm(H)
LEARNED = rnnx.learned_initial_state(CELL)


def test_it_starts_as_the_cell(float64):
    cell, _, _, xs = example("lstm")
    params = LEARNED.init(jax.random.key(0), I)
    assert_close(params.cell, cell.init(jax.random.key(0), I), rtol=0, atol=0)
    found = rnnx.unroll(LEARNED, params, xs, return_states=True)
    assert_close(found, rnnx.unroll(cell, params.cell, xs, return_states=True), rtol=0, atol=0)  # the same program


@jax.jit
def flow(params, xs, w, lengths, resets):
    def loss(params):
        trajectory = rnnx.unroll(LEARNED, params, xs, lengths=lengths, resets=resets)
        return jnp.vdot(w, trajectory.outputs), trajectory.outputs

    return jax.grad(loss, has_aux=True)(params)


@settings(max_examples=10)
@given(
    lengths=st.lists(st.integers(0, T), min_size=B, max_size=B),
    resets=st.lists(st.lists(st.booleans(), min_size=B, max_size=B), min_size=T, max_size=T),
)
def test_its_gradient_is_the_sum_over_all_that_begin_with_it(float64, lengths, resets):
    """Every example, and every piece of one after a reset: cut there, and run piece by piece in NumPy."""
    params, xs = (ex := example_of(LEARNED)).params, ex.xs
    w = like(jax.ShapeDtypeStruct((T, B, H), float), seed=3)
    gradients, outputs = flow(params, xs, w, jnp.array(lengths), jnp.array(resets))

    numpy = reference.get("lstm")
    p, s_0 = (
        numpy.unpack(params.cell),
        {part: np.asarray(s)[None] for part, s in params.initial_state._asdict().items()},
    )
    wanted_outputs, wanted = np.zeros((T, B, H)), {part: np.zeros((1, H)) for part in s_0}
    for b, length in enumerate(lengths):
        cuts = [0, *(t for t in range(1, length) if resets[t][b]), length]
        for begin, end in itertools.pairwise(cuts):
            if begin == end:
                continue
            x, steps = np.asarray(xs)[begin:end, b : b + 1], slice(begin, end)
            wanted_outputs[steps, b] = numpy.forward(p, x, s_0)["h"][:, 0]
            direct = {"h": np.array(w)[steps, b : b + 1], "c": np.zeros((end - begin, 1, H))}
            for part, value in numpy.backward(p, x, s_0, direct).initial.items():
                wanted[part] += value
    assert_close(outputs, wanted_outputs)
    assert_close(gradients.initial_state._asdict(), {part: value[0] for part, value in wanted.items()})


def test_a_state_that_is_given_takes_its_place(float64):
    params, state, xs = (ex := example_of(LEARNED)).params, ex.state, ex.xs
    gradients = jax.jit(jax.grad(lambda params: jnp.sum(rnnx.unroll(LEARNED, params, xs, state).outputs)))(params)
    assert_close(gradients.initial_state, jax.tree.map(jnp.zeros_like, params.initial_state), rtol=0, atol=0)


def test_form_and_gates_are_the_cells(float64):
    params, state, xs = (ex := example_of(LEARNED)).params, ex.state, ex.xs
    assert type(LEARNED.form) is type(CELL.form)
    assert_close(LEARNED.gates(params, state, xs[0]), CELL.gates(params.cell, state, xs[0]), rtol=0, atol=0)
    without = rnnx.learned_initial_state(rnnx.gru(H, reset_after=False))
    assert without.form is None


@pytest.mark.parametrize("dtype", [jnp.bfloat16, pytest.param(jnp.float16, marks=pytest.mark.slow)])
def test_a_complex_one_can_be_cast(dtype):
    """There is no complex number of two of these: the state is complex64, and both of its parts are kept."""
    cell = rnnx.learned_initial_state(rnnx.lru(H))
    params = jax.tree.map(lambda p: np.asarray(p).astype(dtype), jax.jit(lambda: cell.init(jax.random.key(0), I))())
    params = params._replace(initial_state=params.initial_state._replace(h=np.arange(6).astype(dtype).reshape(2, H)))
    np.testing.assert_array_equal(
        cell.initial_state(params, (B,)).h, np.full((B, H), [3j, 1 + 4j, 2 + 5j], "complex64")
    )

    def loss(params):
        return jnp.sum(rnnx.unroll(cell, params, jnp.ones((T, B, I), dtype)).outputs.astype(jnp.float32) ** 2)

    gradient = np.asarray(jax.jit(jax.grad(loss))(params).initial_state.h)
    assert (gradient.dtype, gradient.shape) == (dtype, (2, H))
    assert (gradient != 0).all()


def test_a_complex_one_is_learned_by_plain_descent(float64):
    """Both parts of h_0 go where they are wanted; the gradient of a complex parameter would point the other way."""
    cell = rnnx.learned_initial_state(rnnx.lru(1))
    params = cell.init(jax.random.key(0), 1)

    def loss(s_0):
        h = cell.initial_state(params._replace(initial_state=s_0), (1,)).h
        return jnp.sum(jnp.abs(h - (2 + 3j)) ** 2)

    s_0 = params.initial_state

    @jax.jit
    def step(s_0):
        return jax.tree.map(lambda s, g: s - 0.25 * g, s_0, jax.grad(loss)(s_0))

    for _ in range(50):
        s_0 = step(s_0)
    assert_close(s_0.h, jnp.array([[2.0], [3.0]]))  # halved 50 times: 1e-15 of the way is left


def test_inside_a_stack_a_reset_restores_the_state_of_the_layer(float64):
    cell = rnnx.stack(LEARNED, rnnx.rnn(2))
    params, xs = (ex := example_of(cell)).params, ex.xs
    resets = jnp.zeros((T, B), bool).at[2].set(True)

    @jax.jit
    def both(params, xs):
        return rnnx.unroll(cell, params, xs, resets=resets).outputs[2:], rnnx.unroll(cell, params, xs[2:]).outputs

    assert_close(*both(params, xs))


def test_a_cell_made_of_cells_is_refused_in_one_line():
    message = (
        r"^learned_initial_state takes one cell, and this one has the form Composed; "
        r"put learned_initial_state around the cells inside\.$"
    )
    with pytest.raises(ValueError, match=message):
        rnnx.learned_initial_state(rnnx.stack(CELL))
