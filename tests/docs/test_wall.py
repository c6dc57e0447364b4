"""Pascanu's wall in double precision."""

import importlib.util
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

SPEC = importlib.util.spec_from_file_location("wall", Path(__file__).parents[2] / "docs" / "tutorial" / "wall.py")
wall = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(wall)

POINTS = 61
landscape = jax.jit(wall.landscape, static_argnums=0)


def reference(w, b, steps=50):
    x = 0.5
    for _ in range(steps):
        x = w / (1 + math.exp(-x)) + b
    return (1 / (1 + math.exp(-x)) - 0.7) ** 2


def test_error_is_that_of_the_recursion(float64):
    w, b = np.meshgrid(np.linspace(*wall.W_RANGE, 5), np.linspace(*wall.B_RANGE, 5))
    expected = np.vectorize(reference)(w, b)
    # Rounding of 50 steps, each of a slope of at most 7/4; those that grow it do not go on, but end at a fixed point.
    np.testing.assert_allclose(wall.error(jnp.asarray(w), jnp.asarray(b)), expected, atol=1e-12)
    np.testing.assert_allclose(wall.error(5.0, -3.0, steps=1), reference(5.0, -3.0, steps=1), rtol=1e-12)


def test_slope_is_that_of_finite_differences(float64):
    h = 1e-6
    for w, b in ((4.5, -1.0), (5.0, -2.0), (6.5, -3.5), (6.0, -2.95)):
        expected = [
            (reference(w + h, b) - reference(w - h, b)) / (2 * h),
            (reference(w, b + h) - reference(w, b - h)) / (2 * h),
        ]
        # A difference over h = 1e-6 leaves about 1e-16 / 1e-6 of rounding, and h² of curvature.
        np.testing.assert_allclose(wall.slope(jnp.asarray(w), jnp.asarray(b)), expected, rtol=1e-4, atol=1e-8)


def test_the_cliff_is_hundreds_of_times_steeper_than_the_median_slope(float64):
    found = landscape(POINTS)
    slopes = 10 ** np.asarray(found["log10_slope"])
    assert slopes.max() > 300 * np.median(slopes)
    # It is a wall and not a needle: for most w the error jumps somewhere between two neighbouring b.
    jumps = np.abs(np.diff(found["error"], axis=0)).max(axis=0)
    assert np.median(jumps) > 0.1


def test_the_step_is_taken_from_the_steepest_point(float64):
    found = landscape(POINTS)
    gradient = np.asarray(found["gradient"])
    np.testing.assert_allclose(np.log10(np.hypot(*gradient)), found["log10_slope"].max(), rtol=1e-12)
    # The same derivative, compiled for one point and for many.
    np.testing.assert_allclose(wall.slope(*found["start"]), gradient, rtol=1e-6)
    column, row = (np.argmin(abs(found[f"{name}"] - at)) for name, at in zip("wb", found["start"], strict=True))
    assert found["log10_slope"][row, column] == found["log10_slope"].max()


def test_both_steps_go_one_way_and_one_of_them_leaves_the_picture():
    values = {
        "w": [4.0, 5.5, 7.0],
        "b": [-4.0, -2.0, 0.0],
        "error": [[0.0, 0.1, 0.2], [0.1, 0.1, 0.2], [0.4, 0.1, 0.3]],
        "start": [5.5, -2.0],
        "gradient": [30.0, 40.0],
    }
    figure = wall.draw(values)
    surface, flat, _ = figure.axes
    assert (surface.get_zlabel(), flat.get_xlabel(), flat.get_ylabel()) == ("error E", "w", "b")
    (free, cut) = [line.get_xydata() for line in flat.lines if line.get_label()[0] in "nc"]
    np.testing.assert_allclose(cut[1] - cut[0], [-0.3, -0.4])  # learning rate 0.5, norm cut from 50 to 1
    along = (free[1] - free[0]) / np.linalg.norm(free[1] - free[0])
    np.testing.assert_allclose(along, [-0.6, -0.8])
    assert free[1][0] == 4.0 or free[1][1] == -4.0
    names = [entry.get_text() for entry in flat.get_legend().get_texts()]
    assert names == [
        "not clipped: length 25, out of the picture",
        "clipped to a norm of 1: length 0.5",
    ]
    assert wall._style.png(figure).startswith(b"\x89PNG")
