import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx import initializers

H, GATES = 16, 3


@pytest.mark.parametrize("name", initializers.names())
@pytest.mark.parametrize("rows", [2, H])
def test_every_policy_fills_a_kernel(name, rows):
    policy = initializers.get(name)
    kernel = policy(jax.random.key(0), rows, H, GATES)
    assert kernel.shape == (rows, GATES * H)
    assert kernel.dtype == jnp.float32
    np.testing.assert_array_equal(kernel, policy(jax.random.key(0), rows, H, GATES))
    blocks = np.split(np.asarray(kernel), GATES, axis=1)
    assert all(np.abs(block).max() > 0 for block in blocks)
    assert not np.array_equal(blocks[0], blocks[1]), "each gate must be drawn anew"
    assert not np.array_equal(kernel, policy(jax.random.key(1), rows, H, GATES))


@pytest.mark.parametrize("name", initializers.names())
def test_precision_is_the_one_computed_in(float64, name):
    assert initializers.get(name)(jax.random.key(0), H, H, GATES).dtype == jnp.float64


def test_orthogonal_blocks(float64):
    kernel = np.asarray(initializers.get("orthogonal")(jax.random.key(0), H, H, GATES))
    for U in np.split(kernel, GATES, axis=1):
        np.testing.assert_allclose(U.T @ U, np.eye(H), rtol=0, atol=1e-14)  # sums of 16 products, each rounded at 1e-16


def test_glorot_limits_are_those_of_one_gate():
    """U(-a, a) with a² = 6 / (rows + columns): with all gates taken together the limit would be smaller."""
    rows, columns, gates = 50, 100, 4
    kernel = np.asarray(initializers.get("glorot_uniform")(jax.random.key(0), rows, columns, gates))
    limit = np.sqrt(6 / (rows + columns))
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.999 * limit  # of 20,000 draws; the other limit is 0.55 of this one


def test_lecun_variance_is_that_of_its_rows():
    """Var = 1 / rows."""
    rows, columns, gates = 50, 100, 4
    kernel = np.asarray(initializers.get("lecun_normal")(jax.random.key(0), rows, columns, gates))
    # The variance of n = 20,000 draws has a relative standard error of at most √(2/n) = 1 %: four of them.
    np.testing.assert_allclose(kernel.var(), 1 / rows, rtol=0.04)


def test_a_function_is_a_policy():
    def policy(key, rows, columns, gates):
        return jnp.zeros((rows, gates * columns))

    assert initializers.get(policy) is policy


@pytest.mark.parametrize("name", ["glorot", "Orthogonal", "", 3, None])
def test_an_unknown_policy_is_refused_in_one_line(name):
    with pytest.raises(ValueError, match=rf"^no initializer named {name!r}[;.].* Known: .*orthogonal_fused\.$"):
        initializers.get(name)
