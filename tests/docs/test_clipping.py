"""The wall of the tutorial's page on clipping, in double precision."""

import math
import runpy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "5_clipping.py"


@pytest.fixture(scope="module")
def wall():
    """What the page defines."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    with jax.numpy_dtype_promotion("standard"):
        defined = runpy.run_path(str(PAGE))
    pyplot.close("all")
    return defined


def reference(w, b, steps=50):
    x = 0.5
    for _ in range(steps):
        x = w / (1 + math.exp(-x)) + b
    return (1 / (1 + math.exp(-x)) - 0.7) ** 2


def test_error_is_that_of_the_recursion(wall, float64):
    w, b = np.meshgrid(np.linspace(*wall["W_RANGE"], 5), np.linspace(*wall["B_RANGE"], 5))
    expected = np.vectorize(reference)(w, b)
    # Rounding of 50 steps, each of a slope of at most 7/4; those that grow it do not go on, but end at a fixed point.
    np.testing.assert_allclose(wall["error"](jnp.asarray(w), jnp.asarray(b)), expected, atol=1e-12)
    np.testing.assert_allclose(wall["error"](5.0, -3.0, steps=1), reference(5.0, -3.0, steps=1), rtol=1e-12)


def test_slope_is_that_of_finite_differences(wall, float64):
    h = 1e-6
    for w, b in ((4.5, -1.0), (5.0, -2.0), (6.5, -3.5), (6.0, -2.95)):
        expected = [
            (reference(w + h, b) - reference(w - h, b)) / (2 * h),
            (reference(w, b + h) - reference(w, b - h)) / (2 * h),
        ]
        # A difference over h = 1e-6 leaves about 1e-16 / 1e-6 of rounding, and h² of curvature.
        np.testing.assert_allclose(wall["slope"](jnp.asarray(w), jnp.asarray(b)), expected, rtol=1e-4, atol=1e-8)


def test_the_cliff_is_hundreds_of_times_steeper_than_the_median_slope(wall):
    slopes = np.asarray(wall["steepness"])
    assert slopes.max() > 300 * np.median(slopes)
    # It is a wall and not a needle: for most w the error jumps somewhere between two neighbouring b.
    jumps = np.abs(np.diff(wall["surface"], axis=0)).max(axis=0)
    assert np.median(jumps) > 0.1


def test_a_step_goes_down_the_slope_and_a_clipped_one_no_further_than_the_limit(wall):
    with jax.numpy_dtype_promotion("standard"):
        start = jnp.array([4.5, -2.5])
        gradient = jnp.stack(wall["slope"](*start))
        for limit in math.inf, 1e-3:
            step = wall["descent"](start, limit, updates=1)[1] - start
            norm = float(jnp.linalg.norm(gradient))
            expected = -wall["LEARNING_RATE"] * gradient * min(1, limit / norm)
            # float32: a difference of numbers near 4.
            np.testing.assert_allclose(step, expected, atol=1e-6)
