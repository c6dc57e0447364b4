"""Initial values of kernels, the same policies for every cell, because they decide how gradients start out.

A cell's kernel is `gates` blocks side by side, `[rows, gates · columns]`. A policy says whether a matrix initialiser
is applied to each block or to the whole: orthogonal blocks have singular values 1, while the blocks of one
orthogonal `[H, 4H]` matrix have a root-mean-square singular value of 1/2. Those are different networks.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.nn import initializers as jax_initializers

from rnnx import checks
from rnnx.types import Array

Initializer = Callable[[Array, int, int, int], Array]
"""(key, rows, columns, gates) -> [rows, gates · columns]."""


def per_gate(initializer: jax_initializers.Initializer) -> Initializer:
    """Apply a matrix initialiser to each gate's block with a key of its own.

    >>> policy = per_gate(jax.nn.initializers.orthogonal())
    >>> policy(jax.random.key(0), 8, 8, 4).shape
    (8, 32)
    """

    def init(key: Array, rows: int, columns: int, gates: int) -> Array:
        return jnp.concatenate([initializer(k, (rows, columns)) for k in jax.random.split(key, gates)], axis=-1)

    return init


def fused(initializer: jax_initializers.Initializer) -> Initializer:
    """Apply a matrix initialiser once to the whole `[rows, gates · columns]` kernel."""

    def init(key: Array, rows: int, columns: int, gates: int) -> Array:
        return initializer(key, (rows, gates * columns))

    return init


_NAMED: dict[str, Initializer] = {
    "orthogonal": per_gate(jax_initializers.orthogonal()),
    "orthogonal_fused": fused(jax_initializers.orthogonal()),
    "glorot_uniform": per_gate(jax_initializers.glorot_uniform()),
    "lecun_normal": per_gate(jax_initializers.lecun_normal()),
}


def names() -> tuple[str, ...]:
    """The policies that have a name, for configs.

    >>> names()
    ('glorot_uniform', 'lecun_normal', 'orthogonal', 'orthogonal_fused')
    """
    return tuple(sorted(_NAMED))


def get(initializer: str | Initializer) -> Initializer:
    """A policy by its name; a policy given as a function is returned as it is.

    Raises:
      ValueError: unknown name.
    """
    if callable(initializer):
        return initializer
    return _NAMED[checks.choice("initializer", initializer, _NAMED)]
