"""The curse of memory: how much states and outputs move with the parameters, the more the longer they remember."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rnnx.numerics import log10_norm
from rnnx.pytrees import named_leaves
from rnnx.types import Array, Cell, Params
from rnnx.unroll import unroll

PROBES = 8
"""Random vectors of ±1 that a mean square is estimated from."""


def gauss_newton_traces(
    cell: Cell, params: Params, xs: Array, *, lengths: Array | None = None, probes: int = PROBES
) -> dict[str, Array]:
    """tr(JᵀJ) for each parameter array θ, with J = ∂(y_1 … y_T)/∂θ, mean over the examples.

    JᵀJ is the block of θ in the Gauss-Newton matrix of the loss ½ Σ_t ‖y_t - target_t‖², which is its Hessian where
    the targets are met. Its trace bounds the learning rate that θ can take.

    Args:
      cell, params, xs, lengths: as for `rnnx.unroll`, with one batch axis.
      probes: how many random vectors of ±1 the trace is estimated from.

    Raises:
      ValueError: as `rnnx.unroll`.

    Cost: time runs forward once per probe and parameter array, by engine `scan`.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=1, activation="identity")
    >>> params = cell.init(jax.random.key(0), 1)._replace(recurrent_kernel=jnp.array([[0.5]]))
    >>> trace = gauss_newton_traces(cell, params, jnp.zeros((2, 1, 1)))["bias"]  # ∂y/∂b is 1 and then 1.5
    >>> round(float(trace), 4)
    3.25
    """

    def outputs(params: Params) -> Array:
        return jnp.moveaxis(unroll(cell, params, xs, lengths=lengths, engine="scan").outputs, 1, 0)

    counted = jnp.ones(jnp.shape(xs)[1], bool)
    return {name: 10**value for name, value in log10_squares(outputs, params, counted, probes).items()}


class CurseOfMemory(NamedTuple):
    """See `curse_of_memory`."""

    state: np.ndarray
    """E h²."""
    sensitivity: np.ndarray
    """E (dh/dλ)²."""


def curse_of_memory(decay: ArrayLike, correlation: ArrayLike = 0.0) -> CurseOfMemory:
    """E h² and E (dh/dλ)² of h ← λ h + x for ever, with inputs of variance 1 and E x_t x_{t-n} = ρ^|n|.

        E h²       = (1 + r) / ((1 - r) (1 - λ²))                                       r = λ ρ
        E(dh/dλ)² = (1 + λ²) (1 + r) / ((1 - λ²)³ (1 - r)) + 2 r / ((1 - λ²)² (1 - r)²)

    White inputs, ρ = 0: 1 / (1 - λ²) and (1 + λ²) / (1 - λ²)³ (Zucchet & Orvieto 2024). The second for ρ ≠ 0 is the sum
    Σ_{j,k} j k λ^{j+k-2} ρ^|j-k|, term by term over |j - k|.

    Args:
      decay: λ, any shape, between -1 and 1.
      correlation: ρ, likewise; 0 for white inputs.

    Raises:
      ValueError: a λ or ρ outside (-1, 1), for which there is no such limit.

    >>> curse = curse_of_memory(0.9)
    >>> round(float(curse.state), 2), round(float(curse.sensitivity), 2)
    (5.26, 263.89)
    """
    lam, rho = np.asarray(decay, float), np.asarray(correlation, float)
    for name, value in (("decay", lam), ("correlation", rho)):
        if not np.all(np.abs(value) < 1):
            raise ValueError(f"{name} must lie between -1 and 1, both excluded, not {value!r}.")
    q, r = lam**2, lam * rho
    state = (1 + r) / ((1 - r) * (1 - q))
    sensitivity = (1 + q) * (1 + r) / ((1 - q) ** 3 * (1 - r)) + 2 * r / ((1 - q) ** 2 * (1 - r) ** 2)
    return CurseOfMemory(state, sensitivity)


def log10_squares(function: Callable[[Params], Any], params: Params, counted: Array, probes: int) -> dict[str, Array]:
    """log10 of the mean of ‖∂f/∂θ‖_F² over the examples that count, for each array θ; f gives arrays `[B, …]`."""
    leaves, structure = jax.tree.flatten(params)
    found = {}
    for n, name in enumerate(named_leaves(params)):

        def of_one(leaf: Array, n: int = n) -> Any:
            return function(jax.tree.unflatten(structure, [*leaves[:n], leaf, *leaves[n + 1 :]]))

        def along(v: Array, n: int = n, of_one: Callable = of_one) -> Array:
            value, moved = jax.jvp(of_one, (leaves[n],), (jnp.zeros_like(leaves[n]) + v,))
            # A NaN that does not depend on θ is a NaN all the same.
            moved = jax.tree.map(lambda y, dy: jnp.where(jnp.isnan(y), jnp.nan, jnp.abs(dy)), value, moved)
            rows = [dy.reshape(len(dy), -1) for dy in jax.tree.leaves(moved)]
            return jnp.where(counted[:, None], jnp.concatenate(rows, axis=1), 0)

        key = jax.random.fold_in(jax.random.key(0), n)
        moved = jax.vmap(along)(jax.random.rademacher(key, (probes, *leaves[n].shape), leaves[n].dtype))
        terms = (jnp.sum(counted) * probes).astype(moved.dtype)
        found[name] = 2 * log10_norm(moved.ravel()) - jnp.log10(terms)
    return found
