"""Singular values in log space, against NumPy where its range and relative precision reach, and beyond."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.dynamics._orthogonal import orthogonalised
from tests.variants import slow_unless

pytestmark = pytest.mark.usefixtures("float64")

compiled = jax.jit(orthogonalised)


def compound(A, j):
    """The j-th compound of a matrix, of its j × j minors: that of a product is the product of compounds, and its
    largest singular value is the product of the j largest singular values."""
    chosen = list(itertools.combinations(range(len(A)), j))
    return np.array([[np.linalg.det(A[np.ix_(rows, columns)]) for columns in chosen] for rows in chosen])


@pytest.mark.parametrize("S", slow_unless(lambda S: S in (1, 3, 8), [1, 2, 3, 8, 17]))
def test_rows_become_singular_vectors(S):
    rows = np.random.default_rng(S).standard_normal((3, S, S))
    vectors, log = compiled(jnp.asarray(rows), jnp.zeros((3, S)))
    singular = np.linalg.svd(rows, compute_uv=False)
    # NumPy's σ_min is off by ε σ_max; the condition numbers of these are below 300.
    np.testing.assert_allclose(-np.sort(-np.exp(log), axis=-1), singular, rtol=1e-12)
    np.testing.assert_allclose(vectors @ vectors.mT, np.broadcast_to(np.eye(S), (3, S, S)), atol=1e-14)
    # Rotations among rows leave Σ of their squares, AᵀA, as it is.
    weighed = np.exp(log)[..., None] * vectors
    np.testing.assert_allclose(weighed.mT @ weighed, rows.swapaxes(1, 2) @ rows, atol=1e-12)


@pytest.mark.parametrize("order", ["ascending", "descending", "mixed"])
def test_rows_of_very_different_lengths_keep_all_their_digits(order):
    """Against compounds: e^{l} over all pairs, triples … of rows, of which one sum dominates so that logs add up."""
    S = 4
    log = {"ascending": [-300.0, -150, 2, 200], "descending": [90.0, 85, -400, -402], "mixed": [1.0, -9, 3, -500]}[
        order
    ]
    rows = np.random.default_rng(0).standard_normal((S, S))
    _, found = compiled(jnp.asarray(rows), jnp.array(log))
    found = -np.sort(-np.asarray(found))
    for j in range(1, S + 1):
        # The compound of diag(e^l) A is diag(e^{sums of l}) times the compound of A: scaled by its largest.
        sums = np.array([sum(chosen) for chosen in itertools.combinations(log, j)])
        scaled = np.exp(sums - sums.max())[:, None] * compound(rows, j)
        expected = sums.max() + np.log(np.linalg.norm(scaled, 2))
        np.testing.assert_allclose(found[:j].sum(), expected, rtol=1e-13)  # a few roundings of numbers of 400


def test_equal_lengths_stay_as_they_are():
    """An orthogonal matrix: nothing to turn, not even by rounding."""
    rows = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (9, 9))).Q
    vectors, log = compiled(3 * rows, jnp.full(9, -7.0))
    np.testing.assert_allclose(log, np.log(3) - 7, rtol=1e-15)
    np.testing.assert_allclose(vectors, rows, atol=1e-15)


@pytest.mark.parametrize("rank", [0, 1, 3, 4])
def test_missing_rank_is_minus_infinity(rank):
    """Rows in general position in a subspace; none of them is zero, but for rank 0."""
    rng = np.random.default_rng(rank)
    rows = rng.standard_normal((2, 5, rank)) @ rng.standard_normal((2, rank, 5))
    vectors, log = compiled(jnp.asarray(rows), jnp.full((2, 5), 50.0))
    log = -np.sort(-np.asarray(log), axis=-1)
    assert np.isneginf(log[:, rank:]).all()
    expected = np.log(np.linalg.svd(rows, compute_uv=False)[:, :rank]) + 50
    np.testing.assert_allclose(log[:, :rank], expected, rtol=1e-13)
    assert jnp.isfinite(vectors).all()


def test_one_matrix_with_a_nan_spoils_itself_only():
    rows = np.random.default_rng(0).standard_normal((3, 4, 4))
    spoilt = rows.copy()
    spoilt[1, 2, 0] = np.nan
    _, sound = compiled(jnp.asarray(rows), jnp.zeros((3, 4)))
    _, log = compiled(jnp.asarray(spoilt), jnp.zeros((3, 4)))
    np.testing.assert_allclose(log[::2], sound[::2], rtol=0, atol=1e-14)
    assert jnp.isnan(log[1, 2])
