import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.recurrent_matrix import recurrent_matrix
from rnnx.types import Dense
from tests.test_known_answers import linear_rnn, orthogonal
from tests.variants import VARIANTS, H, I, example, make, slow_unless

pytestmark = pytest.mark.usefixtures("float64")


@functools.cache
def compiled(cell):
    """It reads the parameters only."""
    return jax.jit(lambda params: recurrent_matrix(flow_of(cell, params, I)))


def flow_of(cell, params, input_size):
    return rnnx.gradient_flow(cell, params, jnp.zeros((1, 1, input_size)), jnp.sum)


def measure(W):
    cell, params = linear_rnn(W)
    measured = jax.jit(lambda p: recurrent_matrix(flow_of(cell, p, len(params.input_kernel))))(params)
    return [
        float(measured[f"recurrent_matrix/0/{name}"])
        for name in ("spectral_radius", "largest_singular_value", "departure_from_normality")
    ]


@pytest.mark.parametrize("rho", slow_unless(lambda rho: rho < 1, [0.0, 0.9, 1.1]))
def test_a_scaled_orthogonal_matrix_is_normal(rho):
    radius, largest, departure = measure(rho * orthogonal(5))
    np.testing.assert_allclose([radius, largest], rho, rtol=1e-14)
    assert departure < 1e-7  # the square root of a rounding


def test_a_normal_matrix_has_one_radius():
    """Any with orthogonal eigenvectors: ρ = σ₁."""
    Q = orthogonal(4)
    radius, largest, departure = measure(Q @ np.diag([0.5, -1.5, 0.1, 0.0]) @ Q.T)
    np.testing.assert_allclose([radius, largest], 1.5, rtol=1e-14)
    assert departure < 1e-7


def test_the_spectral_radius_is_not_the_largest_singular_value():
    """A nilpotent matrix amplifies without an eigenvalue to show for it: it is as far from normal as can be."""
    radius, largest, departure = measure(np.diag([7.0], k=1))
    assert radius == 0
    np.testing.assert_allclose([largest, departure], [7, 1], rtol=1e-15)


def test_the_departure_is_what_stands_above_the_diagonal_in_a_schur_form():
    """W = Q (D + N) Qᵀ with N strictly upper triangular: ‖N‖ / ‖D + N‖ (Henrici 1962)."""
    T = np.triu(np.random.default_rng(0).standard_normal((6, 6)))
    Q = orthogonal(6)
    radius, largest, departure = measure(Q @ T @ Q.T)
    np.testing.assert_allclose(radius, np.abs(np.diag(T)).max(), rtol=1e-10)  # eigenvalues of such a matrix are touchy
    np.testing.assert_allclose(largest, np.linalg.norm(T, 2), rtol=1e-13)
    np.testing.assert_allclose(departure, np.linalg.norm(np.triu(T, 1)) / np.linalg.norm(T), rtol=1e-10)


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_gate_has_its_block(variant):
    """In the order of the recurrent kernel, whose blocks these are; nothing for cells without one."""
    cell, params, *_ = example(variant)
    if not isinstance(cell.form, Dense):
        assert bool(jax.eval_shape(compiled(cell), params)) == (variant == "lru")
        return
    measured = compiled(cell)(params)
    W = np.asarray(cell.form.recurrent(params))
    blocks = np.split(W, W.shape[1] // W.shape[0], axis=1)
    assert len(measured) == 5 * len(blocks)
    for i, block in enumerate(blocks):
        radius = np.abs(np.linalg.eigvals(block)).max()
        np.testing.assert_allclose(measured[f"recurrent_matrix/{i}/spectral_radius"], radius, rtol=1e-12)
        largest = measured[f"recurrent_matrix/{i}/largest_singular_value"]
        np.testing.assert_allclose(largest, np.linalg.norm(block, 2), rtol=1e-12)
        assert largest >= radius * (1 - 1e-12)


def test_a_nan_is_seen():
    cell = make("lstm")
    params = cell.init(jax.random.key(0), 2)
    measured = compiled(cell)(params._replace(recurrent_kernel=params.recurrent_kernel.at[0, 0].set(jnp.nan)))
    for tag, value in measured.items():
        assert np.isnan(value).all() == tag.startswith(("recurrent_matrix/0/", "recurrent_matrix/input/")), tag


def eigenvalues(measured, name):
    real, imaginary = (measured[f"recurrent_matrix/{name}/eigenvalues_{part}"] for part in ("real", "imaginary"))
    return np.asarray(real) + 1j * np.asarray(imaginary)


def test_eigenvalues_of_a_rotation_lie_on_the_unit_circle():
    angle = 0.3
    cell, params = linear_rnn(np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))
    found = eigenvalues(recurrent_matrix(flow_of(cell, params, len(params.input_kernel))), "0")
    np.testing.assert_allclose(sorted(np.angle(found)), [-angle, angle], rtol=1e-14)
    np.testing.assert_allclose(np.abs(found), 1, rtol=1e-14)


@pytest.mark.parametrize(
    ("cell", "names"),
    [("lstm", ("input", "forget", "candidate", "output")), ("gru", ("reset", "update", "candidate"))],
)
def test_blocks_are_called_as_the_gates_that_depend_on_them(cell, names):
    """A gate of a name moves with the block of that name, and with no other; a candidate is no gate."""
    cell, params, state, xs = example(cell)
    assert cell.form.blocks == names
    assert {name for name in names if name != "candidate"} == cell.gates(params, state, xs[0]).keys()
    state = jax.tree.map(jnp.ones_like, state)
    for number, name in enumerate(names):
        moved = params.recurrent_kernel.at[:, number * H : (number + 1) * H].add(1)
        before, after = (cell.gates(p, state, xs[0]) for p in (params, params._replace(recurrent_kernel=moved)))
        assert {gate for gate in before if not np.array_equal(before[gate], after[gate])} == {name} - {"candidate"}
    for around in (rnnx.residual, rnnx.learned_initial_state, rnnx.layer_norm):
        assert around(make("lstm")).form.blocks == make("lstm").form.blocks


def test_a_linear_recurrence_has_its_coefficients():
    cell, params, *_ = example("lru")
    (coefficients,) = jax.tree.leaves(cell.form.coefficients(params, jnp.zeros((1, 1, I)))[0])
    measured = compiled(cell)(params)
    np.testing.assert_allclose(eigenvalues(measured, "0"), coefficients, rtol=1e-15)
    assert measured["recurrent_matrix/0/spectral_radius"] == np.abs(coefficients).max()
