"""Scores of whole numbers, whatever type they come in."""

import jax
import jax.numpy as jnp
import pytest

from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Batch


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint32"])
def test_targets_of_any_integer_type(kind):
    """With more symbols than the type counts to, and no silent promotion."""
    outputs = jax.random.normal(jax.random.key(0), (2, 2, 300)).at[0, 0, 127].set(9.0)
    targets = jnp.array([[127, 0], [100, 1]])
    batch, same = (Batch(outputs, t, jnp.ones((2, 2))) for t in (targets.astype(kind), targets))
    assert (cross_entropy(outputs, batch) == cross_entropy(outputs, same)).all()
    assert accuracy(outputs, batch).tolist() == accuracy(outputs, same).tolist() == [[1, 0], [0, 0]]
