"""Every library, with the weights converted, computes what NumPy computes in float64: conventions are understood."""

import itertools

import jax
import numpy as np
import pytest

from scripts.benchmark import libraries
from scripts.benchmark.layers import equality, problem
from scripts.benchmark.layers.point import GATES, Point
from scripts.benchmark.libraries import _gates
from tests.benchmark import solution
from tests.variants import slow_unless

REQUIRED = ("flax", "rnnx")  # of rnnx itself
# Without the recurrent bias of the GRU: Flax has none, Haiku's variant neither.
LACKING = ("flax", "haiku")


# The gates of an LSTM can be taken for one another in more ways than those of a GRU, of which libraries have variants.
@pytest.mark.parametrize(
    ("name", "cell"),
    slow_unless(lambda name, cell: cell == "lstm", itertools.product(libraries.names(), GATES)),
)
def test_a_library_equals_numpy(name, cell):
    if name in REQUIRED:
        library = libraries.get(name)
    else:
        library = pytest.importorskip(f"{libraries.__name__}.{name}", exc_type=ModuleNotFoundError)
    # T, B, H and L differ, so that no two axes can be exchanged.
    posed = problem.draw(Point(cell, hidden=6, batch=3, layers=2, steps=5), 0.0 if name in LACKING else 0.3)
    # Their users compute under JAX's standard promotion.
    with jax.numpy_dtype_promotion("standard"):
        network = library.build(posed)
        answer = network.answer(network.forward(), network.backward())
    variant = "gru_reset_before" if library.REFERENCE.get(cell) else cell
    errors = equality.errors(answer, solution.solve(posed, variant))
    # float32 rounds to 6e-8; here are at most 12 terms in a sum, 5 steps and 2 layers.
    assert max(errors.values()) < 3e-6
    compared = {field for field in problem.Layer._fields for name in errors if name.endswith(f", {field}")}
    without = {"recurrent_bias"} if cell != "gru" or name in LACKING else set()
    assert compared == set(problem.Layer._fields) - without


def test_reorder_moves_blocks():
    assert _gates.reorder(np.array([[1, 2, 3, 4, 5, 6]]), (2, 0, 1)).tolist() == [[5, 6, 1, 2, 3, 4]]


def test_problems_and_answers_survive_a_file(tmp_path):
    posed = problem.draw(Point("gru", hidden=4, batch=2, layers=2, steps=3), 0.5)
    problem.save_problem(tmp_path / "problem.npz", posed)
    read = problem.load_problem(tmp_path / "problem.npz")
    assert read.point == posed.point
    jax.tree.map(np.testing.assert_array_equal, read[1:], posed[1:])

    without = [layer._replace(recurrent_bias=None) for layer in posed.layers]
    answer = problem.Answer(posed.xs, posed.coefficients, without)
    problem.save_answer(tmp_path / "answer.npz", answer)
    jax.tree.map(np.testing.assert_array_equal, problem.load_answer(tmp_path / "answer.npz"), answer)
