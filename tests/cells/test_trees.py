"""Cells for trees against the papers' equations in NumPy, with the gradient of every number, and against each other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.types import Tree
from tests.reference import trees
from tests.variants import assert_close

H = 3
CELLS = [name for name in rnnx.cells.names() if isinstance(rnnx.cells.get(name)(H).form, Tree)]
# ((0 1) (3 (4 5))) and, on top of it, a node whose right child is not there.
CHILDREN = [(-1, -1), (-1, -1), (0, 1), (-1, -1), (-1, -1), (-1, -1), (4, 5), (3, 6), (2, 7), (8, -1)]
N = len(CHILDREN)
INNER = [n for n, pair in enumerate(CHILDREN) if pair != (-1, -1)]


def shapes_of(cell, size):
    """Of the parameters of a cell for words of this size."""
    return jax.eval_shape(lambda key: cell.init(key, size), jax.random.key(0))


@pytest.fixture(params=CELLS)
def given(request, float64):
    """A cell with parameters all of which matter, and words."""
    cell = rnnx.cells.get(request.param)(H)
    I = cell.form.word_size or 2
    shapes = shapes_of(cell, I)
    rng = np.random.default_rng(1)
    params = jax.tree.map(lambda p: 0.5 * rng.standard_normal(p.shape), shapes)
    return request.param, cell, params, rng.standard_normal((N, I))


@functools.partial(jax.jit, static_argnums=(0, 3))
def outputs(cell, params, words, children=tuple(CHILDREN)):
    children = jnp.asarray(children)[:, None]
    return rnnx.unroll(cell, params, jnp.asarray(words)[:, None], children=children).outputs[:, 0]


@functools.partial(jax.jit, static_argnums=0)
def over_time(cell, params, start, xs):
    return rnnx.unroll(cell, params, xs[:, None], start).outputs[:, 0]


def test_every_node_is_what_the_paper_says(given):
    name, cell, params, words = given
    assert_close(np.asarray(outputs(cell, params, words)), trees.tree(name, params, words, CHILDREN))


def test_every_number_of_every_parameter_and_word_has_its_gradient(given):
    """By the complex step, of a loss at all nodes, leaves too: also a word's vector, which has a tanh in some cells."""
    name, cell, params, words = given
    w = np.random.default_rng(2).standard_normal((N, H))
    gradients = jax.jit(jax.grad(lambda given: jnp.sum(w * outputs(cell, *given))))((params, words))
    leaves, structure = jax.tree.flatten((params, words))
    for leaf, (path, gradient) in enumerate(jax.tree.leaves_with_path(gradients)):
        expected = np.zeros(gradient.shape)
        for at in np.ndindex(gradient.shape):
            moved = [np.array(a, complex) for a in leaves]
            moved[leaf][at] += 1e-30j
            expected[at] = np.imag(np.sum(w * trees.tree(name, *jax.tree.unflatten(structure, moved), CHILDREN))) * 1e30
        np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-12, err_msg=str(path))  # float64 sums
    of_words = np.asarray(gradients[1])
    assert not of_words[INNER].any(), "inner nodes have no input of their own"
    assert of_words[[n for n in range(N) if n not in INNER]].all()


def left_chain(leaves):
    """((0 1) 2) …, the words first."""
    return ((-1, -1),) * leaves + tuple((leaves + n - 1 if n else 0, n + 1) for n in range(leaves - 1))


def test_a_left_chain_is_an_ordinary_network_over_the_sequence(float64):
    """Of `recursive`, and of the others where what they have beside it is switched off."""
    T, rng = 7, np.random.default_rng(1)
    words = rng.standard_normal((T, H))
    W, U, b = rng.standard_normal((H, H)), rng.standard_normal((H, H)), rng.standard_normal(H)
    rnn = rnnx.rnn(H)
    of_rnn = shapes_of(rnn, H)._replace(input_kernel=W, recurrent_kernel=U, bias=b)
    padded = np.concatenate([words, np.zeros((T - 1, H))])

    def expected(read):
        start = type(rnn.initial_state(of_rnn, (1,)))(jnp.asarray(read[:1]))
        return over_time(rnn, of_rnn, start, jnp.asarray(read[1:]))

    def found(name, **params):
        cell = rnnx.cells.get(name)(H)
        shapes = shapes_of(cell, cell.form.word_size or H)
        zero = jax.tree.map(lambda p: np.zeros(p.shape), shapes)
        given = np.concatenate([padded, np.zeros((2 * T - 1, H * H))], axis=1) if name == "mv_rnn" else padded
        return outputs(cell, zero._replace(**params), given, left_chain(T))[T:]

    kernels = {"left_kernel": U, "right_kernel": W, "bias": b}
    assert_close(found("recursive", **kernels), expected(np.tanh(words)))
    assert_close(found("rntn", kernel=np.concatenate([U, W]), bias=b), expected(np.tanh(words)))
    means = dict.fromkeys(("left_matrix_kernel", "right_matrix_kernel"), np.eye(H) / 2)
    assert_close(found("mv_rnn", **kernels, **means), expected(words))


def test_a_left_chain_of_a_tree_lstm_that_forgets_the_right_child_is_an_lstm(float64):
    """Over the h of the leaves. With the right memory kept it is something else."""
    T, rng = 7, np.random.default_rng(1)
    lstm, cell = rnnx.lstm(H), rnnx.cells.get("tree_lstm")(H)
    shapes = shapes_of(cell, H)
    params = jax.tree.map(lambda p: rng.standard_normal(p.shape), shapes)
    params.bias[2 * H : 3 * H] = -1e4
    padded = np.concatenate([rng.standard_normal((T, H)), np.zeros((T - 1, H))])

    def of_lstm(kernel):
        i, l, _, g, o = np.split(kernel, 5, axis=-1)
        return jnp.concatenate([i, l, g, o], axis=-1)

    like = shapes_of(lstm, H)
    of = type(like)(*map(of_lstm, (params.right_kernel, params.left_kernel, params.bias)))
    leaves = cell.form.leaf(params, jnp.asarray(padded[:T]))
    start = type(lstm.initial_state(of, ()))(leaves.h[:1], leaves.c[:1])
    expected = over_time(lstm, of, start, leaves.h[1:])
    assert_close(outputs(cell, params, padded, left_chain(T))[T:], expected)
    params.bias[2 * H : 3 * H] = 0
    assert np.abs(outputs(cell, params, padded, left_chain(T))[T:] - expected).max() > 0.1


def test_both_forget_gates_of_a_tree_lstm_see_both_children(float64):
    """Cross terms: how much of either memory is kept depends on the other child too."""
    cell = rnnx.cells.get("tree_lstm")(H)
    rng = np.random.default_rng(1)
    params = jax.tree.map(lambda p: rng.standard_normal(p.shape), shapes_of(cell, H))
    state = cell.initial_state(jax.tree.map(jnp.asarray, params), ())
    for i, gate in ((0, 1), (1, 2)):
        kernels = {}
        for side in ("left_kernel", "right_kernel"):
            kernel = np.zeros((H, 5 * H))
            kernel[:, gate * H : (gate + 1) * H] = getattr(params, side)[:, gate * H : (gate + 1) * H]
            kernels[side] = kernel
        only = params._replace(**kernels, bias=np.zeros(5 * H))
        children = [state._replace(h=jnp.ones(H)), state._replace(h=jnp.ones(H))]
        children[i] = children[i]._replace(c=jnp.ones(H))

        def memory(h, side, only=only, children=children):
            moved = [child._replace(h=h) if n == side else child for n, child in enumerate(children)]
            return jnp.sum(cell.form.compose(only, *moved, jnp.zeros(H)).c)

        for side in (0, 1):
            assert np.abs(jax.grad(memory)(jnp.ones(H), side)).min() > 1e-6


def test_words_of_the_wrong_size_are_refused():
    cell = rnnx.cells.get("mv_rnn")(H)
    with pytest.raises(ValueError, match=r"mv_rnn"):
        cell.init(jax.random.key(0), H)


@pytest.mark.parametrize("name", CELLS)
def test_what_is_done_with_the_vector_of_a_word_is_stated(name):
    module = __import__(f"rnnx.cells.{name}", fromlist=[name])
    assert "Variant" in module.__doc__
    assert "word vector" in module.__doc__ or "vector of a word" in module.__doc__.replace("\n", " ")
    assert "tanh" in module.__doc__
