"""What the comparison before timing lets through, and what it does not."""

import numpy as np
import pytest

from scripts.benchmark.layers import equality, problem
from scripts.benchmark.layers.point import Point
from tests.benchmark import solution


@pytest.fixture(scope="module")
def posed():
    return problem.draw(Point("lstm", hidden=16, batch=4, layers=1, steps=50))


@pytest.fixture(scope="module")
def right(posed):
    return solution.solve(posed, "lstm")


def changed(posed, **arrays):
    return posed._replace(layers=[posed.layers[0]._replace(**arrays)])


def swapped_gates(layer):
    i, f, g, o = np.split(layer.input_kernel, 4, axis=1)
    return {"input_kernel": np.concatenate([f, i, g, o], axis=1)}


@pytest.mark.parametrize(
    "mistake",
    [
        swapped_gates,
        lambda layer: {"bias": np.zeros_like(layer.bias)},
        lambda layer: {"recurrent_kernel": np.concatenate([u.T for u in np.split(layer.recurrent_kernel, 4, 1)], 1)},
    ],
    ids=["gate order", "bias", "transposed kernel"],
)
def test_a_wrong_conversion_is_far_above_the_tolerance(posed, right, mistake):
    wrong = solution.solve(changed(posed, **mistake(posed.layers[0])), "lstm")
    with pytest.raises(equality.UnequalError, match="differs by"):
        equality.errors(wrong, right)
    error = np.linalg.norm(wrong.outputs - right.outputs) / np.linalg.norm(right.outputs)
    assert error > 100 * equality.TOLERANCE


def test_rounding_passes_and_is_reported(right):
    # A relative change of 1e-6 in each number is one of 1e-6 in the norm.
    found = equality.errors(right._replace(outputs=right.outputs * np.float64(1 + 1e-6)), right)
    assert found["outputs"] == pytest.approx(1e-6, rel=1e-3)  # float64 arithmetic on numbers of 1 ± 1e-6
    assert found["layer 0, bias"] == 0


def test_nan_shape_and_number_of_layers_do_not_pass(right):
    bad = right.input_gradient.copy()
    bad[3, 1, 2] = np.nan
    with pytest.raises(equality.UnequalError, match="input_gradient differs by inf"):
        equality.errors(right._replace(input_gradient=bad), right)
    with pytest.raises(equality.UnequalError, match=r"outputs has shape \[50, 16, 4\] instead of \[50, 4, 16\]"):
        equality.errors(right._replace(outputs=right.outputs.swapaxes(1, 2)), right)
    with pytest.raises(equality.UnequalError, match="2 layers instead of 1"):
        equality.errors(right._replace(layers=right.layers * 2), right)


def test_a_gradient_that_rnnx_does_not_have_is_noticed(right):
    layer = right.layers[0]._replace(recurrent_bias=np.zeros(16))
    with pytest.raises(equality.UnequalError, match="recurrent_bias has shape"):
        equality.errors(right._replace(layers=[layer]), right)
