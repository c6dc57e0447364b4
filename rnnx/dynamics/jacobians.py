"""One step of a cell as a map of real vectors, and its Jacobian J_t = ∂s_t/∂s_{t-1} applied to many at once.

No Jacobian is formed: m vectors cost m times what one step costs, in either direction.
"""

import itertools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnnx.pytrees import named_leaves
from rnnx.types import Array, Cell, Params, State


class Flat:
    """State <-> real numbers [..., S]. A complex number is two of them, so that any step has a Jacobian."""

    def __init__(self, like: State, batch_axes: int) -> None:
        """For states like this one; `ValueError` if its parts differ in precision."""
        leaves, self._structure = jax.tree.flatten(like)
        self._shapes = [leaf.shape[batch_axes:] for leaf in leaves]
        self._complex = [jnp.iscomplexobj(leaf) for leaf in leaves]
        self._sizes = [math.prod(shape) * (1 + z) for shape, z in zip(self._shapes, self._complex, strict=True)]
        self.size = sum(self._sizes)
        precisions = {part: jnp.finfo(leaf.dtype).dtype for part, leaf in named_leaves(like).items()}
        if len(set(precisions.values())) > 1:
            found = ", ".join(f"{part} {dtype}" for part, dtype in precisions.items())
            raise ValueError(f"engine 'newton' takes states of one precision, and here are {found}.")
        self.dtype = next(iter(precisions.values()), jnp.zeros(()).dtype)  # of a state without parts: the default

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


Step = Callable[[Array, Array], Array]
"""(s_{t-1} [..., S], x_t [..., I]) -> s_t [..., S]."""


def check_stepped(algorithm: str, cell: Cell) -> Callable[[Params, State, Array], State]:
    """The cell's step; `ValueError` if it has none."""
    if cell.step is None:
        raise ValueError(
            f"{algorithm} needs a cell that can be stepped; one with bidirectional, or with dropout or zoneout "
            "in training, can only be unrolled, and one for trees runs over nodes."
        )
    return cell.step


def check_state(algorithm: str, state: State) -> None:
    """That there is something to measure in the state; `ValueError` if it is empty."""
    if all(0 in leaf.shape[-1:] for leaf in jax.tree.leaves(state)):
        raise ValueError(f"{algorithm} needs a cell with a state, and this one has none.")


def flat_step(algorithm: str, cell: Cell, params: Params, state: State, batch_axes: int) -> tuple[Flat, Step]:
    """The state as a vector of real numbers, and the step between two of them.

    Raises:
      ValueError: a cell that can't be stepped, or has no state.
    """
    structured = check_stepped(algorithm, cell)
    check_state(algorithm, state)
    flat = Flat(state, batch_axes)
    return flat, lambda s, x: flat.pack(structured(params, flat.unpack(s), x))


def push(step: Step, s: Array, x: Array, vectors: Array) -> tuple[Array, Array]:
    """s_t `[..., S]`, and J_t v of all vectors `[..., m, S]`: forwards in time."""
    after, jvp = jax.linearize(lambda s: step(s, x), s)
    return after, jax.vmap(jvp, in_axes=-2, out_axes=-2)(vectors)


def pull(step: Step, s: Array, x: Array, vectors: Array) -> Array:
    """J_tᵀ v of all vectors `[..., m, S]`: backwards in time."""
    _, vjp = jax.vjp(lambda s: step(s, x), s)
    return jax.vmap(lambda v: vjp(v)[0], in_axes=-2, out_axes=-2)(vectors)
