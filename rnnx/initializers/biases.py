"""Policies for the biases of a cell, which decide how long it remembers at first.

A gate that keeps the old state, opened by its bias b, keeps σ(b) of it at each step. A cell says of each of its biases
what it does to memory: +1 keeps the old state (forget gate f of an LSTM, update gate z of a GRU), -1 lets the new in
(input gate i), 0 neither.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx.factory import factory
from rnnx.types import Array

BiasInitializer = Callable[[Array, Array, tuple[int, ...]], Array]
"""(key, biases [gates, H] that the cell starts from by itself, memory [gates] of +1, -1, 0) -> biases [gates, H]."""


@factory
def zeros() -> BiasInitializer:
    """What the cell starts from by itself: 0, and `forget_bias` in the forget gate of an LSTM."""
    return lambda key, biases, memory: biases


@factory
def uniform() -> BiasInitializer:
    """U(-1/√H, 1/√H) added to what the cell starts from.

    PyTorch draws so too, but two biases for each unit (`bias_ih`, `bias_hh`) which rnnx has as one, but for the
    recurrent bias of a GRU's candidate: their sum has twice the variance. PyTorch's LSTM has `forget_bias=0`.
    """

    def init(key: Array, biases: Array, memory: tuple[int, ...]) -> Array:
        limit = biases.shape[-1] ** -0.5
        return biases + jax.random.uniform(key, biases.shape, minval=-limit, maxval=limit)

    return init


@factory
def forget(bias: float) -> BiasInitializer:
    """`bias` for the gate that keeps the old state, f or z, in place of what the cell starts from (Gers et al. 2000).

    Like the `forget_bias` of `rnnx.lstm`, for every cell with such a gate.

    Raises:
      ValueError: when called for a cell that has none.
    """
    bias = checks.number("bias", bias)

    def init(key: Array, biases: Array, memory: tuple[int, ...]) -> Array:
        if 1 not in memory:
            raise ValueError("forget is for a gate that keeps the old state, and this cell has none.")
        return jnp.where(jnp.array(memory)[:, None] == 1, bias, biases)

    return init


@factory
def chrono(longest: int) -> BiasInitializer:
    """b_f = ln u with u ~ U(1, T_max - 1) for each unit, and b_i = -b_f (Tallec & Ollivier 2018).

    A unit then forgets at a time scale of its own, of u + 1 steps, and takes up as much of the new as it forgets. They
    take the place of what the cell starts from; other biases stay.

    Args:
      longest: T_max, the longest dependence expected, in steps.

    Raises:
      ValueError: when called for a cell without a gate that holds memory.

    >>> biases = chrono(100)(jax.random.key(0), jnp.zeros((4, 8)), (-1, 1, 0, 0))
    >>> bool(jnp.all((biases[1] >= 0) & (biases[1] <= jnp.log(99.0)) & (biases[0] == -biases[1])))
    True
    """
    longest = checks.size("longest", longest, least=3)

    def init(key: Array, biases: Array, memory: tuple[int, ...]) -> Array:
        if not any(memory):
            raise ValueError("chrono is for gates that hold memory, and this cell has none.")
        kept = jnp.log(jax.random.uniform(key, biases.shape[-1:], minval=1.0, maxval=longest - 1.0))
        sign = jnp.array(memory, biases.dtype)[:, None]
        return jnp.where(sign == 0, biases, sign * kept)

    return init


NAMED: dict[str, Callable[..., BiasInitializer]] = {
    policy.__name__: policy for policy in (zeros, uniform, forget, chrono)
}
