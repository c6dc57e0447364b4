"""Scores of whole numbers, whatever type they come in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.tasks._scores import accuracy, cross_entropy, top_k
from rnnx.types import Batch


def batch_of(targets):
    return Batch(None, jnp.asarray(targets), jnp.ones(np.shape(targets)))


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint32"])
def test_targets_of_any_integer_type(kind):
    """With more symbols than the type counts to, and no silent promotion."""
    outputs = jax.random.normal(jax.random.key(0), (2, 2, 300)).at[0, 0, 127].set(9.0)
    targets = jnp.array([[127, 0], [100, 1]])
    batch, same = (Batch(outputs, t, jnp.ones((2, 2))) for t in (targets.astype(kind), targets))
    assert (cross_entropy(outputs, batch) == cross_entropy(outputs, same)).all()
    assert accuracy(outputs, batch).tolist() == accuracy(outputs, same).tolist() == [[1, 0], [0, 0]]
    assert (top_k(outputs, batch, 5) == top_k(outputs, same, 5)).all()


@pytest.mark.parametrize("offset", [0, 300, -1e4])
def test_cross_entropy_and_its_gradient_in_float64(offset):
    """-log softmax, and softmax less 1 at the target; no digit is lost where all logits are large."""
    rng = np.random.default_rng(0)
    # Of halves, to which the offsets can be added without rounding.
    outputs = (rng.integers(-20, 20, (5, 3, 7)) / 2 + offset).astype(np.float32)
    targets = rng.integers(0, 7, (5, 3))
    z = outputs.astype(float) - offset
    p = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    right = np.arange(7) == targets[..., None]
    score = jax.jit(jax.vmap(jax.vmap(jax.value_and_grad(lambda z, t: cross_entropy(z, batch_of(t))))))
    losses, gradients = score(outputs, targets)
    # float32 rounds at 6e-8, of losses up to 20 and of probabilities up to 1.
    np.testing.assert_allclose(losses, -np.log(p[right]).reshape(5, 3), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradients, p - right, rtol=1e-5, atol=1e-6)


def test_cross_entropy_of_logits_without_bounds():
    """What is impossible, or as good as certain, is no NaN, nor is its gradient."""
    outputs = jnp.array([[-jnp.inf, 0.0, 0.0], [1e30, 0.0, -1e30], [0.0, 1e30, -jnp.inf], [-1e30, -1e30, -1e30]])
    batch = batch_of([1, 0, 0, 2])
    value, gradient = jax.value_and_grad(lambda z: cross_entropy(z, batch).sum())(outputs)
    losses = cross_entropy(outputs, batch)
    np.testing.assert_allclose(losses, [np.log(2), 0, 1e30, np.log(3)], rtol=1e-6)  # float32 rounds at 6e-8
    assert value == losses.sum()
    expected = [[0, -0.5, 0.5], [0, 0, 0], [-1, 1, 0], [1 / 3, 1 / 3, -2 / 3]]
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)  # float32 rounds at 6e-8
    assert cross_entropy(outputs[:1], batch_of([0])) == jnp.inf


def test_cross_entropy_holds_the_logits_once():
    """Nothing of their size beside them and their gradient, in which a large vocabulary takes all the memory."""
    shape = (16, 16, 4096)

    def loss(outputs, targets):
        return cross_entropy(outputs, Batch(None, targets, targets)).sum()

    arguments = jax.ShapeDtypeStruct(shape, jnp.float32), jax.ShapeDtypeStruct(shape[:2], jnp.int32)
    for function in (loss, jax.value_and_grad(loss)):
        memory = jax.jit(function).lower(*arguments).compile().memory_analysis()
        assert memory.temp_size_in_bytes < 0.1 * 4 * np.prod(shape)


def test_the_target_is_among_the_k_largest():
    """As a stable sort has it: of equal logits the first is the larger."""
    rng = np.random.default_rng(0)
    outputs = rng.integers(0, 6, (8, 5, 9)).astype(np.float32)
    targets = rng.integers(0, 9, (8, 5))
    order = np.argsort(-outputs, axis=-1, kind="stable")
    for k in (1, 2, 5, 9):
        expected = (order[..., :k] == targets[..., None]).any(axis=-1)
        np.testing.assert_array_equal(top_k(jnp.asarray(outputs), batch_of(targets), k), expected)
    np.testing.assert_array_equal(
        top_k(jnp.asarray(outputs), batch_of(targets), 1), accuracy(outputs, batch_of(targets))
    )


@pytest.mark.parametrize("at", [3, slice(None)])
def test_what_is_nan_is_not_right(at):
    outputs = jnp.zeros((1, 1, 9)).at[..., 3].set(1.0).at[..., at].set(jnp.nan)
    assert top_k(outputs, batch_of([[3]]), 5) == 0
