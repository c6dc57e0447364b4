"""Where arrays lie on several devices, as far as their types say so.

Within `jax.shard_map` the type of a value says over which axes of the mesh it varies. Under explicit sharding, which is
what `jax.make_mesh` gives, the type of an array says along which axes of the mesh its own are split. A loop keeps the
type of its carry and a choice is between values of one type, so what is made anew, such as zeros, and what is the same
on all devices, such as parameters, is placed like the inputs before time runs. On one device nothing here does
anything.
"""

from collections.abc import Hashable
from typing import Any

import jax
from jax.sharding import NamedSharding, PartitionSpec

from rnnx.types import Array


def varying(*trees: Any) -> frozenset[Hashable]:
    """The axes of the mesh over which anything in these pytrees varies, within `jax.shard_map`.

    >>> varying(jax.numpy.ones(3))
    frozenset()
    """
    return frozenset().union(*(jax.typeof(leaf).manual_axis_type.varying for leaf in jax.tree.leaves(trees)))


def vary(tree: Any, axes: frozenset[Hashable]) -> Any:
    """The same values, of types that vary over these axes too.

    The derivative with respect to what did not vary is summed over the axes: here once, where each use would sum anew,
    at each step of time.
    """

    def cast(leaf: Array) -> Array:
        missing = tuple(sorted(axes - varying(leaf), key=str))
        return jax.lax.pcast(leaf, missing, to="varying") if missing else leaf

    return jax.tree.map(cast, tree) if axes else tree


def split_axes(a: Array) -> set[int]:
    """The axes of an array that its type says to be split over devices."""
    return {axis for axis, over in enumerate(jax.typeof(a).sharding.spec) if over is not None}


def like_steps(xs: Array, tree: Any) -> Any:
    """Arrays `[T, …, *]`, split as the inputs `[T, …, I]` are."""
    return _split(xs, 0, tree)


def like_step(xs: Array, tree: Any) -> Any:
    """Arrays `[…, *]` of one step, split as the inputs `[T, …, I]` are."""
    return _split(xs, 1, tree)


def _split(xs: Array, start: int, tree: Any) -> Any:
    leading = jax.typeof(xs).sharding.spec[start:-1]

    def split(leaf: Array) -> Array:
        of_leaf = jax.typeof(leaf).sharding.spec
        spec = PartitionSpec(*leading, *of_leaf[len(leading) :])
        if spec == of_leaf:
            return leaf
        # The type knows the mesh without its devices, which outside of a program are wanted.
        on: Any = jax.typeof(xs).sharding if isinstance(xs, jax.core.Tracer) else xs.sharding
        return jax.sharding.reshard(leaf, NamedSharding(on.mesh, spec))

    return jax.tree.map(split, tree)


def zeros_like_type(struct: jax.ShapeDtypeStruct) -> Array:
    """Zeros of this shape and type, placed as the type says; what `jax.eval_shape` gives has a type like any array.

    >>> zeros_like_type(jax.ShapeDtypeStruct((2,), "float32"))
    Array([0., 0.], dtype=float32)
    """
    zeros = jax.numpy.zeros(struct.shape, struct.dtype)
    sharding = jax.typeof(struct).sharding
    if any(over is not None for over in sharding.spec):
        zeros = jax.sharding.reshard(zeros, sharding)
    return vary(zeros, varying(struct))
