import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.diagnostics._histogram import histogram


def test_agrees_with_numpy_inside_the_edges():
    values = np.random.default_rng(0).uniform(-1, 1, (7, 5, 3)).astype(np.float32)
    counts, edges = histogram(jnp.asarray(values), -1, 1, bins=8)
    expected, expected_edges = np.histogram(values, bins=8, range=(-1, 1))
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(edges, expected_edges.astype(np.float32))


def test_every_value_is_counted_once_and_nan_nowhere():
    values = jnp.array([-jnp.inf, -5.0, -1.0, 0.0, 0.999, 1.0, 5.0, jnp.inf, jnp.nan])
    counts = histogram(values, -1, 1, bins=4).counts
    assert counts.tolist() == [3, 0, 1, 4]
    assert counts.sum() == values.size - 1


def test_only_what_is_there_is_counted():
    values = jnp.array([[0.1, 0.6], [0.7, jnp.nan]])
    assert histogram(values, 0, 1, bins=2, there=jnp.array([[True, False], [True, True]])).counts.tolist() == [1, 1]


def test_nothing_at_all():
    assert histogram(jnp.zeros((0, 3)), 0, 1, bins=2).counts.tolist() == [0, 0]


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_edges_have_the_precision_of_the_values(precision, request):
    if precision == "float64":
        request.getfixturevalue("float64")
    counts, edges = histogram(jnp.zeros(3), 0, 1, bins=2)
    assert edges.dtype == precision
    assert counts.dtype == jnp.int32
