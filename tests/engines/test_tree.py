"""Trees by the scan over nodes against a Python recursion, sequences as chains of nodes, and padding."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.engines._tree import depth
from rnnx.types import Tree
from tests.variants import assert_close

# ((0 1) (3 4)), a chain ((0 1) 3) of five nodes, and one leaf; the last two with padding.
CHILDREN = np.array(
    [
        [[-1, -1], [-1, -1], [-1, -1]],
        [[-1, -1], [-1, -1], [-1, -1]],
        [[0, 1], [0, 1], [-1, -1]],
        [[-1, -1], [-1, -1], [-1, -1]],
        [[-1, -1], [2, 3], [-1, -1]],
        [[3, 4], [-1, -1], [-1, -1]],
        [[2, 5], [-1, -1], [-1, -1]],
    ]
)
LENGTHS = np.array([7, 5, 1])
N, B, H = 7, 3, 4
CELLS = [name for name in rnnx.cells.names() if isinstance(rnnx.cells.get(name)(H).form, Tree)]


@pytest.fixture(params=CELLS)
def given(request, float64):
    cell = rnnx.cells.get(request.param)(H)
    params = jax.jit(lambda: cell.init(jax.random.key(0), H))()
    xs = np.random.default_rng(1).standard_normal((N, B, H))
    return cell, jax.tree.map(lambda p: jnp.asarray(np.asarray(p, float) + 0.1), params), jnp.asarray(xs)


def recursively(cell, params, xs, children):
    """The states of one tree, by a function that calls itself."""
    states = {}

    def of_node(n):
        left, right = (int(c) for c in children[n])
        if left < 0:
            states[n] = cell.form.leaf(params, xs[n])
        else:
            states[n] = cell.form.compose(params, of_node(left), of_node(right), xs[n])
        return states[n]

    of_node(len(xs) - 1)
    return jax.tree.map(lambda *s: jnp.stack(s), *(states[n] for n in range(len(xs))))


def test_it_is_the_recursion_in_values_and_gradients_with_nan_in_the_padding(given):
    cell, params, xs = given
    padded = jnp.where((jnp.arange(N)[:, None] < LENGTHS)[..., None], xs, jnp.nan)

    def by_scan(params):
        t = rnnx.unroll(cell, params, padded, children=CHILDREN, lengths=LENGTHS, return_states=True)
        return jnp.sum(t.outputs**2) + jnp.sum(t.final_state.h**3), t

    def one_by_one(params):
        trees = [recursively(cell, params, xs[:n, b], CHILDREN[:n, b]) for b, n in enumerate(LENGTHS)]
        return sum(jnp.sum(t.h**2) + jnp.sum(t.h[-1] ** 3) for t in trees), trees

    (value, t), gradients = jax.jit(jax.value_and_grad(by_scan, has_aux=True))(params)
    (expected, trees), expected_gradients = jax.jit(jax.value_and_grad(one_by_one, has_aux=True))(params)
    assert_close((value, gradients), (expected, expected_gradients))
    for b, n in enumerate(LENGTHS):
        assert_close(t.states.h[:n, b], trees[b].h)
        assert_close(t.final_state.h[b], trees[b].h[-1])
        assert not t.outputs[n:, b].any()


def test_every_parameter_and_word_has_the_gradient_of_finite_differences(given):
    cell, params, xs = given

    @jax.jit
    def loss(params, xs):
        return jnp.sum(rnnx.unroll(cell, params, xs, children=CHILDREN, lengths=LENGTHS).outputs ** 2)

    leaves, structure = jax.tree.flatten((params, xs))
    gradients = jax.tree.leaves(jax.jit(jax.grad(loss, argnums=(0, 1)))(params, xs))
    for n, (leaf, gradient) in enumerate(zip(leaves, gradients, strict=True)):
        direction = np.random.default_rng(n).standard_normal(leaf.shape)

        def moved(e, n=n, direction=direction):
            return loss(*jax.tree.unflatten(structure, [*leaves[:n], leaves[n] + e * direction, *leaves[n + 1 :]]))

        slope = (moved(1e-6) - moved(-1e-6)) / 2e-6
        # A difference over 2e-6: rounding of 1e-16 / 1e-6, and curvature of 1e-12.
        np.testing.assert_allclose(np.vdot(gradient, direction), slope, rtol=1e-7, atol=1e-8)


def test_a_chain_is_a_sequence(float64):
    """A cell of time as one for trees, each node with one child: values, gradients by states, and lags."""
    base, T = rnnx.gru(H), 6
    params = jax.tree.map(lambda p: p.astype(float), base.init(jax.random.key(0), 3))
    xs = jax.random.normal(jax.random.key(1), (T, 2, 3))

    def compose(params, left, right, x):
        return base.step(params, left, x)

    def leaf(params, x):
        return base.step(params, base.initial_state(params, x.shape[:-1]), x)

    chain = base._replace(step=None, form=Tree(leaf=leaf, compose=compose))
    before = jnp.broadcast_to(jnp.arange(T)[:, None] - 1, (T, 2))
    children = jnp.stack([before, jnp.full((T, 2), -1)], axis=-1)

    def flow(cell, **options):
        def loss(params, run):
            return jnp.sum(run("part", cell, params, xs, **options).outputs[-1] ** 2)

        return rnnx.gradient_flows(loss, params)[2]["part"]

    def measured(flow):
        return rnnx.diagnostics.measured(["state_gradient", "input_gradient"], {"p": flow})

    @jax.jit
    def both():
        flows = flow(chain, children=children), flow(base)
        return flows, [measured(one) for one in flows]

    (tree, sequence), (of_tree, of_sequence) = both()
    for field in ("states", "state_gradients", "param_gradients", "input_gradients", "lag", "log10_state_norm"):
        assert_close(getattr(tree, field), getattr(sequence, field))
    assert_close(of_tree, of_sequence)


def test_depths():
    valid = jnp.arange(N)[:, None] < LENGTHS
    assert jax.jit(depth)(CHILDREN, valid).T.tolist() == [
        [2, 2, 1, 2, 2, 1, 0],
        [2, 2, 1, 1, 0, -1, -1],
        [0, -1, -1, -1, -1, -1, -1],
    ]


def test_nodes_of_one_depth_are_one_value(float64):
    """The root mean square of their norms, far from 1 too; a depth that no node has is not there."""
    cell = rnnx.cells.get("recursive")(H)
    params = jax.tree.map(lambda p: p.astype(float), cell.init(jax.random.key(0), H))
    xs = jax.random.normal(jax.random.key(1), (N, B, H))

    def loss(params, run):
        ys = run("tree", cell, params, xs, children=CHILDREN, lengths=LENGTHS).outputs
        return 1e-200 * jnp.sum(ys[LENGTHS - 1, jnp.arange(B)] ** 2)

    @jax.jit
    def measured(params):
        flow = rnnx.gradient_flows(loss, params)[2]["tree"]
        return flow, rnnx.diagnostics.get("state_gradient")(flow)

    flow, of_states = jax.device_get(measured(params))
    norms = np.linalg.norm(flow.state_gradients.h * 1e200, axis=-1)
    curve = of_states["state_gradient/state/log10_norm"]
    deepest = [np.sqrt(np.mean(norms[at, b] ** 2)) for at, b in (([0, 1, 3, 4], 0), ([0, 1], 1))]
    # The nearest of two examples, as for sequences.
    assert np.min(np.abs(curve[2] - (np.log10(deepest) - 200))) < 1e-12
    assert np.isnan(curve[3:]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "a cell of form Tree needs children"),
        (
            {"children": CHILDREN[:, :2]},
            "children must be signed whole numbers of shape [7, 3, 2], not int32[7, 2, 2].",
        ),
        ({"children": CHILDREN.astype(np.uint8)}, "children must be signed whole numbers"),
        ({"children": CHILDREN + 2}, "children must lie between -1, for none, and 6, the last node."),
        ({"children": CHILDREN, "reverse": True}, "reverse is for sequences"),
        ({"children": CHILDREN, "truncate": 3}, "truncate is for sequences"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(options, message):
    cell = rnnx.cells.get("recursive")(H)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        rnnx.unroll(cell, cell.init(jax.random.key(0), H), jnp.zeros((N, B, H)), **options)
    assert str(caught.value).startswith(message)
    for xs, of_xs in ((jnp.zeros((N, B, 2)), "float32[3, 2]"), (jnp.zeros((N, B, H), jnp.bfloat16), "bfloat16[3, 4]")):
        with pytest.raises(ValueError, match=rf"^x_n {re.escape(of_xs)} makes .* of the state's h, which is float32"):
            rnnx.unroll(cell, cell.init(jax.random.key(0), H), xs, children=CHILDREN)
    with pytest.raises(ValueError, match="children are for cells of form Tree"):
        rnnx.unroll(rnnx.gru(2), rnnx.gru(2).init(jax.random.key(0), H), jnp.zeros((N, B, H)), children=CHILDREN)
