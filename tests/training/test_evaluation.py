"""Means over a whole split do not depend on how it is cut into batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.training.evaluation import evaluate
from rnnx.types import Batch

N = 10
VALUES = np.random.default_rng(0).normal(size=(7, N)).astype(np.float32)
WEIGHTS = (np.arange(7)[:, None] < np.arange(N) % 7 + 1).astype(np.float32)  # examples of other lengths


def batches(size):
    for start in range(0, N, size):
        cut = slice(start, start + size)
        yield Batch(jnp.asarray(VALUES[:, cut]), jnp.zeros(()), jnp.asarray(WEIGHTS[:, cut]))


def score(params, batch):
    last = jnp.zeros_like(batch.weights).at[-1].set(1)
    loss = params * batch.inputs
    return {"loss": (loss, batch.weights), "last": (loss, batch.weights * last), "never": (loss, 0 * last)}


@pytest.mark.parametrize("size", [1, 3, N])
def test_each_example_counts_once_by_its_weights(size):
    """Not as a mean of the batches' means, of which the last would count too much."""
    compiled = []

    @jax.jit
    def counted(params, batch):
        compiled.append(batch)
        return score(params, batch)

    found = evaluate(counted, jnp.float32(2.0), batches(size), lambda means: {"twice": 2 * means["loss"]})
    exact = 2 * VALUES.astype(float)
    assert found["loss"] == pytest.approx(np.average(exact, weights=WEIGHTS), rel=1e-14)  # sums in float64
    assert found["last"] == pytest.approx(np.average(exact[-1], weights=WEIGHTS[-1]), rel=1e-14)
    assert found["twice"] == 2 * found["loss"]
    assert np.isnan(found["never"])
    assert len(compiled) == (1 if N % size == 0 else 2)  # once for full batches, once for the last
