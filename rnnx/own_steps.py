"""Which steps of time are an example's own, and the sequence that they make by themselves."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx.types import Array, State


def own_steps(T: int, batch_shape: tuple[int, ...], lengths: Array | None, mask: Array | None) -> Array | None:
    """`[T, B]`: the steps before an example's length that are not masked; `None` where all steps are.

    Raises:
      ValueError: lengths or a mask of another shape or type than `rnnx.unroll` takes.

    >>> own_steps(3, (2,), [3, 1], [[False, True], [True, True], [True, True]])[:, 0]
    Array([False,  True,  True], dtype=bool)
    """
    own = None
    if lengths is not None:
        lengths = checks.whole_numbers("lengths", lengths, batch_shape)
        own = jnp.arange(T, dtype=lengths.dtype).reshape(T, *[1] * len(batch_shape)) < lengths
    if mask is not None:
        mask = checks.booleans("mask", mask, (T, *batch_shape))
        own = mask if own is None else own & mask
    return own


class Packing(NamedTuple):
    """Each example's own steps moved together, to where running begins: the first steps, or the last if `reverse`."""

    own: Array
    """[T, B]: which steps of the packed sequence are an example's own."""
    order: Array
    """[T, B]: the step that each step of the packed sequence was."""
    latest: Array
    """[T, B]: the packed step that was the latest when the whole sequence ran, T if there was none yet."""

    def pack(self, tree: Any) -> Any:
        """Arrays `[T, B, …]` of the whole sequence as those of the packed one, with what is no example's own behind."""
        return _taken(tree, self.order)

    def unpack(self, states: State, initial: State) -> State:
        """States `[T, B, …]` of the packed sequence as those of the whole one, frozen at steps that are not own."""
        return _taken(jax.tree.map(lambda s, s_0: jnp.concatenate([s, s_0[None]]), states, initial), self.latest)


def packing(own: Array, reverse: bool = False) -> Packing:
    """How to pack a sequence of which `own [T, B]` are each example's own steps.

    >>> packing(jnp.array([False, True, False, True])).order
    Array([1, 3, 0, 2], dtype=int32)
    """
    T = own.shape[0]
    if reverse:
        flipped = packing(jnp.flip(own, 0))
        behind = jnp.where(flipped.latest == T, T, T - 1 - flipped.latest)
        return Packing(*(jnp.flip(a, 0) for a in (flipped.own, T - 1 - flipped.order, behind)))
    done = jnp.cumsum(own, axis=0, dtype=jnp.int32)
    order = jnp.argsort(~own, axis=0, stable=True).astype(jnp.int32)
    return Packing(_taken(own, order), order, jnp.where(done == 0, T, done - 1))


def _taken(tree: Any, steps: Array) -> Any:
    """Arrays `[…, B, …]` at the `steps [T, B]` of each example."""

    def of_leaf(leaf: Array) -> Array:
        return jnp.take_along_axis(leaf, jnp.expand_dims(steps, range(steps.ndim, leaf.ndim)), axis=0)

    return jax.tree.map(of_leaf, tree)
