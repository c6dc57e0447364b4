"""Histograms with fixed edges, so that those of different steps, cells and runs can be compared bin by bin."""

import jax.numpy as jnp

from rnnx.types import Array, Histogram


def histogram(values: Array, low: float, high: float, bins: int, there: Array | None = None) -> Histogram:
    """Count values in equal bins on [low, high]; what lies outside (±inf too) falls in the outermost bin, NaN in none.

    >>> histogram(jnp.array([-jnp.inf, 0.1, 0.6, 0.7, jnp.nan]), 0, 1, bins=2).counts
    Array([2, 2], dtype=int32)
    """
    edges = jnp.linspace(low, high, bins + 1, dtype=values.dtype)
    index = jnp.searchsorted(edges[1:-1], values.ravel(), side="right")
    counted = ~jnp.isnan(values) if there is None else there & ~jnp.isnan(values)
    counts = jnp.zeros(bins, jnp.int32).at[index].add(counted.ravel().astype(jnp.int32))
    return Histogram(counts=counts, edges=edges)
