"""Cotangents that JAX knows to be zero without an array of zeros for it (`SymbolicZero`)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from rnnx.types import Array, State


def _is_zero(leaf: Any) -> bool:
    return isinstance(leaf, SymbolicZero)


def materialize_zeros(tree: Any, primals: Any) -> Any:
    """With arrays throughout, of which those of zeros are placed on devices as the primals are."""
    return jax.tree.map(lambda d, p: jnp.zeros_like(p) if _is_zero(d) else d, tree, primals, is_leaf=_is_zero)


def without_zeros(tree: Any) -> tuple[list[Array], Callable[[State, list[Array]], State]]:
    """The leaves that are not zero throughout (outputs of an LSTM do not read c), and how to add them to a tree."""
    leaves, structure = jax.tree.flatten(tree, is_leaf=_is_zero)

    def add(whole: State, some: list[Array]) -> State:
        more = iter(some)
        sums = [a if _is_zero(d) else a + next(more) for a, d in zip(jax.tree.leaves(whole), leaves, strict=True)]
        return jax.tree.unflatten(structure, sums)

    return [leaf for leaf in leaves if not _is_zero(leaf)], add
