"""Policies for the kernels of a cell.

A kernel is `gates` blocks side by side, `[rows, gates · columns]`, and x W: a column of a block holds the connections
into one unit. Every policy but `orthogonal_fused` draws each block by itself. That matters: orthogonal blocks have
singular values 1, while the blocks of one orthogonal `[H, 4H]` matrix have a root-mean-square singular value of 1/2.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.nn import initializers as jax_initializers

from rnnx import checks
from rnnx.factory import factory
from rnnx.types import Array

Initializer = Callable[[Array, int, int, int], Array]
"""(key, rows, columns, gates) -> [rows, gates · columns]."""

Block = Callable[[Array, tuple[int, int]], Array]
"""(key, (rows, columns)) -> [rows, columns], as those of `jax.nn.initializers`."""


@factory
def per_gate(block: Block) -> Initializer:
    """Draw each gate's block with a key of its own.

    >>> policy = per_gate(jax.nn.initializers.orthogonal())
    >>> policy(jax.random.key(0), 8, 8, 4).shape
    (8, 32)
    """

    def init(key: Array, rows: int, columns: int, gates: int) -> Array:
        return jnp.concatenate([block(k, (rows, columns)) for k in jax.random.split(key, gates)], axis=-1)

    return init


@factory
def fused(block: Block) -> Initializer:
    """Draw the whole `[rows, gates · columns]` kernel as one block."""

    def init(key: Array, rows: int, columns: int, gates: int) -> Array:
        return block(key, (rows, gates * columns))

    return init


@factory
def orthogonal(gain: float = 1.0) -> Initializer:
    """Each block is gain · Q with Q orthogonal, uniformly distributed (Saxe, McClelland & Ganguli 2014).

    >>> U = orthogonal(0.5)(jax.random.key(0), 8, 8, 1)
    >>> bool(jnp.allclose(U.T @ U, 0.25 * jnp.eye(8), atol=1e-6))
    True
    """
    return per_gate(jax_initializers.orthogonal(checks.number("gain", gain, above=0)))


@factory
def orthogonal_fused(gain: float = 1.0) -> Initializer:
    """The whole kernel is gain · Q with orthonormal rows: 4 square blocks have RMS singular values of gain / 2."""
    return fused(jax_initializers.orthogonal(checks.number("gain", gain, above=0)))


@factory
def glorot_uniform() -> Initializer:
    """U(-a, a) with a² = 6 / (rows + columns) of a block (Glorot & Bengio 2010)."""
    return per_gate(jax_initializers.glorot_uniform())


@factory
def lecun_normal() -> Initializer:
    """Truncated normal of variance 1 / rows (LeCun et al. 1998), the default of Flax for input kernels."""
    return per_gate(jax_initializers.lecun_normal())


@factory
def uniform() -> Initializer:
    """U(-1/√H, 1/√H) with H = columns, whatever the rows: PyTorch's default for every kernel of its cells."""

    def block(key: Array, shape: tuple[int, int]) -> Array:
        limit = shape[1] ** -0.5
        return jax.random.uniform(key, shape, minval=-limit, maxval=limit)

    return per_gate(block)


@factory
def normal(std: float) -> Initializer:
    """N(0, std²), as in Pascanu, Mikolov & Bengio 2013 (0.01 and 0.1)."""
    return per_gate(jax_initializers.normal(checks.number("std", std, above=0)))


@factory
def gaussian(gain: float) -> Initializer:
    """N(0, gain² / rows): the gain of mean-field theory, where a recurrent tanh network is critical at 1.

    Sompolinsky, Crisanti & Sommers 1988; with inputs Chen, Pennington & Schoenholz 2018. For large H the spectral
    radius of a square block is the gain.
    """
    gain = checks.number("gain", gain, above=0)
    return per_gate(lambda key, shape: gain * shape[0] ** -0.5 * jax.random.normal(key, shape))


@factory
def identity(scale: float = 1.0) -> Initializer:
    """Each block is scale · I, for `activation="relu"`: the IRNN of Le, Jaitly & Hinton 2015.

    Raises:
      ValueError: when called for a block that is not square.
    """
    scale = checks.number("scale", scale)

    def block(key: Array, shape: tuple[int, int]) -> Array:
        _check_square("identity", shape)
        return scale * jnp.eye(shape[0])

    return per_gate(block)


@factory
def spectral_radius(radius: float) -> Initializer:
    """Normal numbers, each block divided so that its largest |eigenvalue| is `radius` (Jaeger 2001, echo states).

    The largest singular value is above it, about twice as large, so that the network may amplify for a while even
    where the radius is below 1.

    Raises:
      ValueError: when called for a block that is not square.

    >>> U = spectral_radius(0.95)(jax.random.key(0), 8, 8, 1)
    >>> print(f"{jnp.max(jnp.abs(jnp.linalg.eigvals(U))):.3f}")
    0.950
    """
    radius = checks.number("radius", radius, above=0)

    def block(key: Array, shape: tuple[int, int]) -> Array:
        _check_square("spectral_radius", shape)
        return _rescaled(jax.random.normal(key, shape), radius)

    return per_gate(block)


@factory
def sparse(connections: int, radius: float) -> Initializer:
    """Exactly `connections` normal numbers into each unit, elsewhere 0, rescaled to a spectral radius.

    `sparse(15, 0.95)` is the "smart tanh" of Pascanu, Mikolov & Bengio 2013, after Sutskever et al. 2013.

    Raises:
      ValueError: when called for a block that is not square, or has fewer rows than connections.

    >>> jnp.count_nonzero(sparse(3, 0.95)(jax.random.key(0), 8, 8, 1), axis=0)
    Array([3, 3, 3, 3, 3, 3, 3, 3], dtype=int32)
    """
    connections = checks.size("connections", connections)
    radius = checks.number("radius", radius, above=0)

    def block(key: Array, shape: tuple[int, int]) -> Array:
        _check_square("sparse", shape)
        if connections > shape[0]:
            raise ValueError(f"sparse: {connections} connections into each unit need as many units, not {shape[0]}.")
        value_key, place_key = jax.random.split(key)
        order = jnp.argsort(jax.random.uniform(place_key, shape), axis=0)  # in each column, of the numbers 0 … H-1
        # Every unit has something coming in, so there is a cycle, and the spectral radius to be rescaled is not 0.
        return _rescaled(jnp.where(order < connections, jax.random.normal(value_key, shape), 0.0), radius)

    return per_gate(block)


NAMED: dict[str, Callable[..., Initializer]] = {
    policy.__name__: policy
    for policy in (
        orthogonal,
        orthogonal_fused,
        glorot_uniform,
        lecun_normal,
        uniform,
        normal,
        gaussian,
        identity,
        spectral_radius,
        sparse,
    )
}


def _rescaled(matrix: Array, radius: float) -> Array:
    return matrix * (radius / jnp.max(jnp.abs(jnp.linalg.eigvals(matrix))))


def _check_square(name: str, shape: tuple[int, int]) -> None:
    if shape[0] != shape[1]:
        raise ValueError(
            f"{name} is for square blocks, such as those of a recurrent kernel, not {list(shape)}; "
            "for an input kernel there is, for example, glorot_uniform."
        )
