"""Trees: the nodes one after another, children before their parents; a state is handed on by an index, not by time."""

import jax
import jax.numpy as jnp

from rnnx.engines import select
from rnnx.types import Array, Cell, Params, State, Tree


def over_nodes(
    cell: Cell,
    params: Params,
    xs: Array,
    children: Array,
    missing: State,
    valid: Array | None,
    perturbations: State | None,
) -> tuple[State, State]:
    """Run a cell of form `Tree` over `xs [N, B, I]`, nodes in an order in which children come before their parent.

    Args:
      cell, params, xs: as for `rnnx.unroll`.
      children: `[N, B, 2]` indices of the left and the right child, -1 for none.
      missing: the state of a child that is not there, `[B, …]`.
      valid: `[N, B]`: false past an example's nodes.
      perturbations: like the states, `[N, B, …]`.

    Returns:
      (the state of each example's last node, its root, `[B, …]`; states `[N, B, …]`, zero past an example's nodes)
    """
    form = cell.form
    assert isinstance(form, Tree)
    N, B = children.shape[:2]
    leaves = form.leaf(params, xs)  # of all nodes at once, though inner ones do not need it: one product
    examples = jnp.arange(B)
    # One row more than there are nodes: the state of a child that is not there.
    rows = jax.tree.map(lambda leaf, m: jnp.concatenate([jnp.zeros_like(leaf), m[None]]), leaves, missing)

    def node(rows: State, at_n: tuple) -> tuple[State, State]:
        n, x, leaf, pair, valid, perturbation = at_n
        left, right = (
            jax.tree.map(lambda r, i=i: r[jnp.where(pair[:, i] < 0, N, pair[:, i]), examples], rows) for i in (0, 1)
        )
        state = select((pair < 0).all(axis=-1), leaf, form.compose(params, left, right, x))
        if perturbation is not None:
            state = jax.tree.map(jnp.add, state, perturbation)
        if valid is not None:
            state = select(valid, state, jax.tree.map(jnp.zeros_like, state))
        return jax.tree.map(lambda r, s: r.at[n].set(s), rows, state), state

    rows, states = jax.lax.scan(node, rows, (jnp.arange(N), xs, leaves, children, valid, perturbations))
    roots = jnp.full(B, N - 1) if valid is None else jnp.sum(valid, axis=0) - 1
    return jax.tree.map(lambda r: r[jnp.where(roots < 0, N, roots), examples], rows), states


def depth(children: Array, valid: Array) -> Array:
    """How far each node lies below the root, its example's last node, `[N, B]`; -1 where there is no node.

    >>> import jax.numpy as jnp
    >>> children = jnp.array([[-1, -1], [-1, -1], [0, 1], [-1, -1], [2, 3]])[:, None]  # ((0 1) 3)
    >>> depth(children, jnp.ones((5, 1), bool))[:, 0]
    Array([2, 2, 1, 1, 0], dtype=int32)
    """
    children = jnp.asarray(children)
    N, B = valid.shape
    examples = jnp.arange(B)
    root = jnp.sum(valid, axis=0) - 1
    below = jnp.full((N + 1, B), -1, children.dtype).at[jnp.where(root < 0, N, root), examples].set(0).at[N].set(-1)

    def hand_down(below: Array, n: Array) -> tuple[Array, None]:
        for i in (0, 1):
            child = jnp.where(valid[n] & (children[n, :, i] >= 0), children[n, :, i], N)
            below = below.at[child, examples].set(jnp.where(child < N, below[n] + 1, -1))
        return below, None

    return jax.lax.scan(hand_down, below, jnp.arange(N), reverse=True)[0][:N]
