"""Every page of the tutorial runs, and what its prose says of its numbers is so."""

import runpy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx

FOLDER = Path(__file__).parents[2] / "docs" / "tutorial"
TOLD = {}
"""What is to be true after a page has run, by its name: functions of its variables."""


def after(page):
    def add(check):
        TOLD[page] = check
        return check

    return add


@after("1_state")
def memory_is_a_power(page):
    for u in 0.5, 0.9, 1.05:
        # Rounding of 39 products.
        np.testing.assert_allclose(page["remembered"](u)[-1], u**39, rtol=1e-5)


@after("2_unrolling")
def the_loop_is_what_unroll_does(page):
    # One step rounds otherwise in a loop that is compiled whole; 30 steps hand that on.
    np.testing.assert_allclose(page["states"], page["trajectory"].outputs, atol=1e-5)


@after("3_gradients")
def the_parts_add_up(page):
    gradient = page["gradient"]
    # float32, a sum of 30 matrices of which the last ones decide.
    np.testing.assert_allclose(page["parts"].sum(axis=0), gradient, atol=1e-5 * float(jnp.abs(gradient).max()))
    missing = np.asarray(page["missing"])
    assert missing[20] < 0.01 < missing[5] < missing[0]
    assert float(page["by_rnnx"]) == pytest.approx(float(jnp.linalg.norm(page["by_lag"][10])), rel=1e-4)


@after("4_vanishing")
def a_linear_network_follows_its_spectral_radius(page):
    for rho in 0.8, 1.2:
        left = page["log10_left"](page["linear"], page["scaled"](page["orthogonal"], rho), page["xs"])
        # 59 products with a matrix that is orthogonal to float32's 1e-7.
        np.testing.assert_allclose(left, page["lags"] * np.log10(rho), atol=1e-4)
    small, large = (page["log10_left"](page["tanh"], page["orthogonal"], size * page["xs"])[-1] for size in (0.1, 3.0))
    assert large < -10 < -1 < small


@after("5_clipping")
def the_wall_throws_an_unclipped_step_away(page):
    longest = np.linalg.norm(np.diff(page["free"], axis=0), axis=1).max()
    assert longest > 10
    steps = np.linalg.norm(np.diff(page["clipped"], axis=0), axis=1)
    assert steps.max() <= page["LEARNING_RATE"] * page["LIMIT"] * (1 + 1e-5)  # rounding
    assert page["error"](*page["clipped"][-1]) < 0.01 < page["error"](*page["free"][-1])


@after("6_gates")
def along_c_the_forget_gate_decides(page):
    for bias in -1.0, 1.0:
        along_c, by_all = page["ways_back"](rnnx.lstm(page["H"], forget_bias=bias).init(jax.random.key(0), page["I"]))
        slope = (along_c[41] - along_c[1]) / 40
        # The gate's other inputs, random and of size 0.3, move it by some hundredths.
        assert float(slope) == pytest.approx(float(jnp.log10(jax.nn.sigmoid(bias))), abs=0.02)
        assert by_all[41] > along_c[41]


@after("7_truncation")
def the_window_has_the_true_gradient_and_nothing_before(page):
    whole, cut = page["norms"](None), page["norms"](20)
    np.testing.assert_allclose(cut[80:], whole[80:], atol=1e-4)  # log10, of float32
    assert np.isneginf(cut[:80]).all()
    np.testing.assert_allclose(page["ys"], page["whole"], atol=1e-5)  # the same steps, compiled for other lengths
    assert jnp.abs(page["zero"] - page["whole"]).max() > 0.1


@after("8_why")
def the_patient_does_not_learn_and_the_cured_one_does(page):
    floor = page["task"].baseline_loss(page["T"])
    sick, cured = (float(page["results"][bias][2][-50:].mean()) for bias in (-1.0, 1.0))
    assert cured < floor / 2 < 0.8 * floor < sick
    assert page["told"]["state_gradient/state/reach"] < 10
    assert page["by_heart"][-1] < 0.01


SLOW = ("2_unrolling", "3_gradients", "4_vanishing", "5_clipping", "6_gates", "7_truncation", "8_why")
"""Seconds each, most of them of compiling. The first stays, of a page that runs; test_clipping.py runs the fifth."""


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """Without a display, closed afterwards; and with jax's usual promotion, as a reader has it."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    with jax.numpy_dtype_promotion("standard"):
        yield
    pyplot.close("all")


@pytest.mark.parametrize("page", [pytest.param(page, marks=pytest.mark.slow if page in SLOW else ()) for page in TOLD])
def test_a_page_runs_and_its_numbers_are_as_it_says(page):
    TOLD[page](runpy.run_path(str(FOLDER / f"{page}.py")))


def test_no_page_is_left_out():
    assert {path.stem for path in FOLDER.glob("[0-9]*.py")} == TOLD.keys()


def test_a_page_begins_with_a_cell_of_prose_that_names_it():
    for path in FOLDER.glob("[0-9]*.py"):
        assert path.read_text(encoding="utf-8").startswith("# %% [markdown]\n# # "), path.name
