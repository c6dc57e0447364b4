"""A state of any structure as one vector per example."""

import itertools
import math

import jax
import jax.numpy as jnp

from rnnx.parts import parts
from rnnx.types import Array, State


class Flat:
    """State <-> real numbers [..., S]. A complex number is two of them, so that any step has a Jacobian."""

    def __init__(self, like: State, batch_axes: int) -> None:
        """For states like this one; `ValueError` if its parts differ in precision."""
        leaves, self._structure = jax.tree.flatten(like)
        self._shapes = [leaf.shape[batch_axes:] for leaf in leaves]
        self._complex = [jnp.iscomplexobj(leaf) for leaf in leaves]
        self._sizes = [math.prod(shape) * (1 + z) for shape, z in zip(self._shapes, self._complex, strict=True)]
        self.size = sum(self._sizes)
        precisions = {part: jnp.finfo(leaf.dtype).dtype for part, leaf in parts(like).items()}
        if len(set(precisions.values())) > 1:
            found = ", ".join(f"{part} {dtype}" for part, dtype in precisions.items())
            raise ValueError(f"engine 'newton' takes states of one precision, and here are {found}.")
        self.dtype = next(iter(precisions.values()))

    def pack(self, state: State) -> Array:
        """The state as [..., S]."""
        flat = []
        for leaf, shape in zip(jax.tree.leaves(state), self._shapes, strict=True):
            leaf = leaf.reshape(*leaf.shape[: leaf.ndim - len(shape)], math.prod(shape))
            flat += [leaf.real, leaf.imag] if jnp.iscomplexobj(leaf) else [leaf]
        return jnp.concatenate(flat, axis=-1)

    def unpack(self, s: Array) -> State:
        """The state that [..., S] is."""
        leaves = []
        ends = list(itertools.accumulate(self._sizes))[:-1]
        for leaf, shape, z in zip(jnp.split(s, ends, axis=-1), self._shapes, self._complex, strict=True):
            leaf = jax.lax.complex(*jnp.split(leaf, 2, axis=-1)) if z else leaf
            leaves.append(leaf.reshape(*leaf.shape[:-1], *shape))
        return jax.tree.unflatten(self._structure, leaves)

    def parts(self) -> Array:
        """Which entries are of one part of the state (of its real or imaginary part), 1 or 0: [parts, S]."""
        sizes = [n for size, z in zip(self._sizes, self._complex, strict=True) for n in [size // (1 + z)] * (1 + z)]
        return jnp.repeat(
            jnp.eye(len(sizes), dtype=self.dtype), jnp.array(sizes), axis=1, total_repeat_length=self.size
        )
