"""Trees level by level: nodes of one height at once, over the whole batch, with a backward pass of its own.

The height of a node is 0 at leaves, and else one more than that of its higher child. Nodes of one height do not depend
on each other: `compose` is one call for a chunk of W of them.

    forward, from the lowest      s_n = compose(s_left, s_right, x_n)
    backward, from the highest    δ_left, δ_right, ∂x_n, ∂params += (∂compose_n)ᵀ δ_n

A batch takes as many rounds as its nodes fill chunks, which its values decide: trees of any shape are one program.
Nodes lie in the order of their heights, so that what a round makes is a stretch of the whole, and all else is gathered:
the states of the children by their places, and δ, since a node has one parent, from there. The derivative of a scan
over nodes would instead add, at each of them, to a cotangent of all states.

Sorted by height as by Looks et al. 2017, "Deep learning with dynamic computation graphs".
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnnx.engines import select
from rnnx.placement import vary, varying
from rnnx.types import Array, Cell, Params, State, Tree


class _Order(NamedTuple):
    """The M = N B nodes of a batch in the order of their heights, and behind them B children that are not there.

    Places are those in this order, of M + B in all, and nodes are counted as n B + b.
    """

    node: Array  # [M], at each place
    place: Array  # [M], of each node
    height: Array  # [M + B], of what has no children N + 1, so that it comes last
    children: Array  # [M + B, 2], their places
    parent: Array  # [M + B], its place; of a root one that is nobody's parent
    side: Array  # [M + B], 0 where it is the left child, and 1 where it is the right one
    inner: Array  # (), how many nodes have children


def by_levels(
    cell: Cell,
    params: Params,
    xs: Array,
    children: Array,
    missing: State,
    valid: Array | None,
    perturbations: State | None,
) -> tuple[State, State]:
    """Run a cell of form `Tree`, as `rnnx.engines._tree.over_nodes` does."""
    form = cell.form
    assert isinstance(form, Tree)
    N, B = children.shape[:2]
    inner = (children >= 0).any(axis=-1)
    if valid is not None:
        inner &= valid
    # What `compose` has no part in; at inner nodes its result is added to this.
    leaves = form.leaf(params, xs)
    zero = jax.tree.map(jnp.zeros_like, leaves)
    start = select(inner, zero, leaves)
    if perturbations is not None:
        start = jax.tree.map(jnp.add, start, perturbations)
    if valid is not None:
        start = select(valid, start, zero)
    start, xs = jax.tree.map(lambda a: a.reshape(N * B, *a.shape[2:]), (start, xs))
    chunk = jax.tree.map(lambda a: a[:B], start)
    compose, closed = jax.closure_convert(form.compose, params, chunk, chunk, xs[:B])
    rows = _differentiable(compose, B)((params, closed), start, missing, xs, _order(children, inner))
    roots = jnp.full(B, N - 1) if valid is None else jnp.sum(valid, axis=0) - 1
    final_state = jax.tree.map(lambda r: r[jnp.maximum(roots, 0) * B + jnp.arange(B)], rows)
    if valid is not None:
        final_state = select(roots >= 0, final_state, missing)
    return final_state, jax.tree.map(lambda r: r.reshape(N, B, *r.shape[1:]), rows)


def _order(children: Array, inner: Array) -> _Order:
    """Of children `[N, B, 2]`, where `inner` `[N, B]` says that they count."""
    N, B = inner.shape
    M, T = N * B, (N + 1) * B
    counted = inner.reshape(M)
    there = inner[..., None] & (children >= 0)
    nodes = (jnp.where(there, children, N) * B + jnp.arange(B)[:, None]).reshape(M, 2)
    height = _heights(nodes, counted, B)
    node = jnp.argsort(jnp.where(counted, height, N + 1)).astype(nodes.dtype)
    absent = jnp.arange(M, T)
    place = jnp.concatenate([jnp.argsort(node).astype(nodes.dtype), absent])
    of_places = jnp.concatenate([place[nodes[node]], jnp.stack([absent, absent], axis=-1)])
    last = T - 1  # has no children
    parent, side = jnp.full(T, last), jnp.zeros(T, nodes.dtype)
    for i in (0, 1):
        children_of = jnp.where(there.reshape(M, 2)[node, i], of_places[:M, i], T)
        parent = parent.at[children_of].set(jnp.arange(M), mode="drop")
        side = side.at[children_of].set(i, mode="drop")
    height = jnp.concatenate([jnp.where(counted, height, N + 1)[node], jnp.full(B, N + 1)])
    return _Order(node, place[:M], height, of_places, parent, side, jnp.sum(counted))


def _heights(nodes: Array, counted: Array, B: int) -> Array:
    """Of nodes `[M]`, from their children among nodes and, behind them, those that are not there; 0 if not counted."""
    none = jnp.full(B, -1)

    def again(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        height, _, n = carry
        found = jnp.where(counted, 1 + jnp.max(jnp.concatenate([height, none])[nodes], axis=-1), 0)
        return found, jnp.any(found != height), n + 1

    # The n-th time all are right up to height n. What are no trees must not go on for ever.
    first = jnp.where(counted, 1, 0), jnp.any(counted), jnp.sum(nodes[:0])
    return jax.lax.while_loop(lambda carry: carry[1] & (carry[2] < len(nodes)), again, first)[0]


def _differentiable(compose: Callable, W: int) -> Callable:
    """((params, closed), start, missing, xs, order) -> states `[M, …]`, with a backward pass of its own."""

    def of_children(weights: tuple, left: State, right: State, x: Array) -> State:
        params, closed = weights
        return compose(params, left, right, x, *closed)

    def given(rows: State, xs: Array, order: _Order, s: Array) -> tuple[State, State, Array]:
        """What is composed at the W places from s on."""
        at = _stretch(order.children, s, W)
        left, right = (jax.tree.map(lambda r, i=i: r[at[:, i]], rows) for i in (0, 1))
        return left, right, _stretch(xs, s, W)

    def forward(weights: tuple, start: State, missing: State, xs: Array, order: _Order) -> tuple[State, tuple]:
        xs = _in_order(xs, jnp.zeros_like(xs[: len(order.height) - len(xs)]), order)

        def up(carry: tuple[Array, State]) -> tuple[Array, State]:
            p, rows = carry
            s = jnp.minimum(p, len(order.height) - W)
            places = s + jnp.arange(W)
            now = (order.height[places] == order.height[p]) & (places >= p)
            old = _stretch(rows, s, W)
            new = jax.tree.map(jnp.add, old, of_children(weights, *given(rows, xs, order, s)))
            return p + jnp.sum(now), _written(rows, select(now, new, old), s)

        rows = jax.tree.map(lambda of_nodes, m: _in_order(of_nodes, m, order), start, missing)
        lowest = vary(jnp.zeros_like(order.inner), varying(order.inner))
        rows = jax.lax.while_loop(lambda carry: carry[0] < order.inner, up, (lowest, rows))[1]
        return jax.tree.map(lambda r: r[order.place], rows), (weights, rows, xs, order)

    def backward(kept: tuple, cotangents: State) -> tuple[tuple, State, State, Array, None]:
        weights, rows, xs, order = kept
        T, M = len(order.height), len(order.node)
        direct = jax.tree.map(lambda c, r: _in_order(c, jnp.zeros_like(r[M:]), order), cotangents, rows)

        def down(carry: tuple) -> tuple:
            p, of_children_, of_xs, of_weights = carry
            s = jnp.maximum(p - W, 0)
            places = s + jnp.arange(W)
            now = (order.height[places] == order.height[p - 1]) & (places < p)
            delta = jax.tree.map(jnp.add, _stretch(direct, s, W), from_parents(of_children_, places))
            delta = select(now, delta, jax.tree.map(jnp.zeros_like, delta))
            _, pull = jax.vjp(of_children, weights, *given(rows, xs, order, s))
            more, *pair, x = pull(delta)
            of_children_ = tuple(
                _written(side, select(now, found, _stretch(side, s, W)), s)
                for side, found in zip(of_children_, pair, strict=True)
            )
            of_xs = _written(of_xs, select(now, x, _stretch(of_xs, s, W)), s)
            of_weights = jax.tree.map(lambda w, more: w + more.astype(w.dtype), of_weights, more)
            return p - jnp.sum(now), of_children_, of_xs, of_weights

        def from_parents(of_children_: tuple[State, State], places: Array) -> State:
            parent, is_left = order.parent[places], order.side[places] == 0
            left, right = (jax.tree.map(lambda side: side[parent], side) for side in of_children_)
            return select(is_left, left, right)

        zeros = jax.tree.map(jnp.zeros_like, rows)
        sums = jax.tree.map(lambda w: jnp.zeros(w.shape, _of_sums(w.dtype)), weights)
        first = order.inner, (zeros, zeros), jnp.zeros_like(xs), sums
        first = vary(first, varying(kept, cotangents))
        _, of_children_, of_xs, of_weights = jax.lax.while_loop(lambda carry: carry[0] > 0, down, first)
        delta = jax.tree.map(jnp.add, direct, from_parents(of_children_, jnp.arange(T)))
        of_start = jax.tree.map(lambda d: d[order.place], delta)

        def of_absent(left: Array, right: Array) -> Array:
            total = jnp.zeros((T, *left.shape[1:]), left.dtype)
            for i, side in enumerate((left, right)):
                total = total.at[order.children[:, i]].add(side)
            return total[M:]

        of_missing = jax.tree.map(of_absent, *of_children_)
        of_weights = jax.tree.map(lambda total, w: total.astype(w.dtype), of_weights, weights)
        return of_weights, of_start, of_missing, of_xs[order.place], None

    @jax.custom_vjp
    def run(weights: tuple, start: State, missing: State, xs: Array, order: _Order) -> State:
        return forward(weights, start, missing, xs, order)[0]

    run.defvjp(forward, backward)
    return run


def _of_sums(dtype: jnp.dtype) -> jnp.dtype:
    """The type in which many numbers of another are added up."""
    return jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype


def _in_order(of_nodes: Array, of_absent: Array, order: _Order) -> Array:
    """What nodes have, `[M, …]`, by place, with that of children that are not there behind it, `[M + B, …]`."""
    return jnp.concatenate([of_nodes[order.node], of_absent])


def _stretch(tree: Any, s: Array, W: int) -> Any:
    return jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, s, W), tree)


def _written(tree: Any, stretch: Any, s: Array) -> Any:
    return jax.tree.map(lambda a, new: jax.lax.dynamic_update_slice_in_dim(a, new, s, 0), tree, stretch)
