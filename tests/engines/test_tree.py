"""Trees level by level and node by node against a Python recursion, sequences as chains of nodes, and padding."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.engines._tree import depth
from rnnx.types import Tree
from tests.variants import assert_close, slow_unless

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


def made(name):
    cell = rnnx.cells.get(name)(H)
    I = cell.form.word_size or H
    params = jax.jit(lambda: cell.init(jax.random.key(0), I))()
    xs = np.random.default_rng(1).standard_normal((N, B, I))
    return cell, jax.tree.map(lambda p: jnp.asarray(np.asarray(p, float) + 0.1), params), jnp.asarray(xs)


@pytest.fixture(params=CELLS)
def given(request, float64):
    return made(request.param)


# What is about the engine, and sees of a cell that its state has parts, of several axes.
@pytest.fixture(params=slow_unless(lambda name: name == "mv_rnn", CELLS))
def one_of_a_kind(request, float64):
    return made(request.param)


def recursively(cell, params, xs, children):
    """The states of one tree, by a function that calls itself."""
    states = {}

    def of_node(n):
        left, right = (int(c) for c in children[n])
        absent = cell.initial_state(params, ())
        if max(left, right) < 0:
            states[n] = cell.form.leaf(params, xs[n])
        else:
            states[n] = cell.form.compose(params, *(of_node(c) if c >= 0 else absent for c in (left, right)), xs[n])
        return states[n]

    of_node(len(xs) - 1)
    return jax.tree.map(lambda *s: jnp.stack(s), *(states[n] for n in range(len(xs))))


def test_it_is_the_recursion_in_values_and_gradients_with_nan_in_the_padding(given):
    cell, params, xs = given
    padded = jnp.where((jnp.arange(N)[:, None] < LENGTHS)[..., None], xs, jnp.nan)

    def by(engine):
        def value(params):
            options = {"children": CHILDREN, "lengths": LENGTHS, "return_states": True, "engine": engine}
            t = rnnx.unroll(cell, params, padded, **options)
            return jnp.sum(t.outputs**2) + jnp.sum(t.final_state.h**3), t

        return value

    def one_by_one(params):
        trees = [recursively(cell, params, xs[:n, b], CHILDREN[:n, b]) for b, n in enumerate(LENGTHS)]
        return sum(jnp.sum(t.h**2) + jnp.sum(t.h[-1] ** 3) for t in trees), trees

    ways = by("auto"), by("scan"), one_by_one
    *found, ((expected, trees), expected_gradients) = jax.jit(
        lambda params: [jax.value_and_grad(way, has_aux=True)(params) for way in ways]
    )(params)
    for (value, t), gradients in found:
        assert_close((value, gradients), (expected, expected_gradients))
        for b, n in enumerate(LENGTHS):
            assert_close(t.states.h[:n, b], trees[b].h)
            assert_close(t.final_state.h[b], trees[b].h[-1])
            assert not t.outputs[n:, b].any()


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


def chain(leaves, side):
    """((0 1) 3) …, to the left or to the right."""
    if side == "right":
        return np.array(
            [(-1, -1)] * leaves + [(leaves - 2 - n, leaves + n - 1 if n else leaves - 1) for n in range(leaves - 1)]
        )
    inner = [((0, 1) if n == 1 else (2 * n - 2, 2 * n - 1)) for n in range(1, leaves)]
    return np.array([(-1, -1)] + [pair for children in inner for pair in ((-1, -1), children)])


def forest(*trees):
    """Trees of several sizes in one batch, with what would be children in the padding: `[N, B, 2]`, `[B]`."""
    lengths = np.array([len(tree) for tree in trees])
    children = np.zeros((lengths.max(), len(trees), 2), int)
    for b, tree in enumerate(trees):
        children[: len(tree), b] = tree
    return children, lengths


LEAF = [(-1, -1)]
WITH_ONE_CHILD = [(-1, -1), (-1, 0), (-1, -1), (1, 2), (3, -1)]
BUSHY = [*[(-1, -1)] * 8, (0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11), (12, 13)]
FOREST = forest(chain(101, "left"), LEAF, chain(30, "right"), WITH_ONE_CHILD, BUSHY)
OTHERS = forest(chain(60, "right"), WITH_ONE_CHILD, chain(101, "left"), BUSHY, LEAF)


@functools.cache
def differentiated(cell, engine):
    """(params, xs, state, perturbations, children, lengths) -> outputs, roots, and gradients by the first four."""

    def loss(params, xs, state, perturbations, children, lengths):
        options = {"children": children, "lengths": lengths, "perturbations": perturbations, "engine": engine}
        t = rnnx.unroll(cell, params, xs, state, **options)
        return jnp.sum(jnp.sin(t.outputs)) + jnp.sum(t.final_state.h**3), (t.outputs, t.final_state)

    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3), has_aux=True))


def problem(cell, params, forest):
    """Inputs, a first state and perturbations that all matter."""
    children, lengths = forest
    N, B, _ = children.shape
    rng = np.random.default_rng(2)
    xs = jnp.asarray(rng.standard_normal((N, B, cell.form.word_size or H)))
    state = jax.tree.map(lambda s: jnp.asarray(rng.standard_normal(s.shape)), cell.initial_state(params, (B,)))
    moved = jax.tree.map(lambda s: jnp.asarray(0.1 * rng.standard_normal((N, *s.shape))), state)
    return params, xs, state, moved, children, lengths


def test_levels_are_the_scan_on_trees_of_all_shapes(given):
    """A leaf alone, nodes of one child, chains of a hundred, all in one batch; another batch of trees is no program."""
    cell, params, _ = given
    for trees in (FOREST, OTHERS):
        of = problem(cell, params, trees)
        found, expected = (differentiated(cell, engine)(*of) for engine in ("auto", "scan"))
        # Up to 201 nodes one upon another, each of which passes on the rounding of those below.
        assert_close(found, expected, rtol=1e-10, atol=1e-10)
    assert differentiated(cell, "auto")._cache_size() == 1


def test_a_tree_by_itself_is_as_in_a_batch(one_of_a_kind):
    cell, params, _ = one_of_a_kind
    params, xs, state, moved, children, lengths = problem(cell, params, FOREST)
    (_, (outputs, roots)), gradients = differentiated(cell, "auto")(params, xs, state, moved, children, lengths)
    b, n = 4, len(BUSHY)
    only = slice(b, b + 1)
    alone = jax.tree.map(lambda a: a[:n, only], (xs, moved))
    (_, (found, root)), of_one = differentiated(cell, "auto")(
        params, alone[0], jax.tree.map(lambda s: s[only], state), alone[1], children[:n, only], lengths[only]
    )
    assert_close(found, outputs[:n, only])
    assert_close(root, jax.tree.map(lambda r: r[only], roots))
    assert_close((of_one[1], of_one[3]), jax.tree.map(lambda g: g[:n, only], (gradients[1], gradients[3])))


def test_trials_side_by_side_are_as_one_by_one(one_of_a_kind):
    """Under `vmap`, where the rounds of one may be more than those of another."""
    cell, params, _ = one_of_a_kind
    one, other = (problem(cell, params, trees) for trees in (FOREST, OTHERS))
    both = jax.tree.map(lambda a, b: jnp.stack([a, b]), one, other)
    found = jax.jit(jax.vmap(differentiated(cell, "auto")))(*both)
    for n, of in enumerate((one, other)):
        assert_close(jax.tree.map(lambda a, n=n: a[n], found), differentiated(cell, "auto")(*of))


def test_what_is_no_tree_is_refused_and_does_not_run_for_ever():
    cell = rnnx.cells.get("recursive")(H)
    params = cell.init(jax.random.key(0), H)
    xs = jnp.ones((3, 1, H))
    shared, circle = jnp.array([[-1, -1], [0, -1], [0, 1]])[:, None], jnp.array([[1, 2], [2, 0], [0, 1]])[:, None]
    with pytest.raises(
        ValueError, match=r"^children must be those of trees, where a node is the child of one other at"
    ):
        rnnx.unroll(cell, params, xs, children=shared)
    jax.block_until_ready(jax.jit(functools.partial(rnnx.unroll, cell))(params, xs, children=circle))
    with pytest.raises(ValueError, match=r"^engine 'fused' is for sequences; a cell of form Tree runs by 'auto'"):
        rnnx.unroll(cell, params, xs, children=jnp.full((3, 1, 2), -1), engine="fused")
