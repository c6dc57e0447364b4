"""Pictures of one trial: every diagnostic has one, and shows what was measured."""

import functools
import math

import jax
import numpy as np
import pytest
from matplotlib.colors import to_hex

import rnnx
from rnnx.report import figures
from rnnx.report.figures import _style, _trial, gates, input_gradient, state_gradient
from rnnx.types import Histogram
from tests.helpers import attending
from tests.report.measured import everything, states
from tests.report.records import measurement
from tests.variants import example

inf, nan = math.inf, math.nan

WHOSE = "LSTM, adding, T = 5, seed 0, step 20"


@functools.cache
def flow(variant):
    """Traced only: shapes are all that is needed of it."""
    cell, params, _, xs = example(variant)
    return jax.eval_shape(functools.partial(rnnx.gradient_flow, cell, loss=lambda ys: ys[-1].sum()), params, xs)


@functools.cache
def record_of(name):
    """Made-up numbers for every tag of a diagnostic, in the shapes of the real ones."""
    variant = "rnn" if name == "mean_field" else "lstm"  # it is for cells with one activation
    rng = np.random.default_rng(0)

    def made_up(value):
        if isinstance(value, Histogram):
            bins = value.counts.shape[0]
            return {"edges": np.linspace(-1, 1, bins + 1).tolist(), "counts": rng.integers(1, 9, bins).tolist()}
        return rng.uniform(0.1, 0.9, value.shape).tolist()

    of = attending.flow() if name == "attention" else flow(variant)
    values = jax.eval_shape(rnnx.diagnostics.get(name), of)
    facts = {"step": 20, "precision": "float64", "cell.name": variant, "task.length": 5, "batch_size": 32}
    return facts | {tag: made_up(value) for tag, value in values.items()}


def picture(name, record, before=None):
    (only,) = figures.pictures(name, {"step": 20} | record, WHOSE, before)
    return only.figure


def line(axes, label):
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return found


def told(axes):
    return [entry.get_text() for entry in axes.get_legend().get_texts()]


@pytest.mark.parametrize("name", rnnx.diagnostics.names())
def test_every_diagnostic_has_a_picture_that_says_whose_and_what_it_is(name):
    drawn = picture(name, record_of(name))
    title = drawn.get_suptitle().replace("\n", " ")
    assert title.startswith(f"{WHOSE}: ")
    assert title.endswith(" (float64)")
    assert name not in title.removeprefix(f"{WHOSE}: ") or "_" not in name, "in words"
    for axes in drawn.axes:
        named_rows = len(axes.get_yticks()) == 0 or axes.get_yticklabels()[0].get_text().isidentifier()
        assert axes.get_xlabel() or axes.get_label() == "<colorbar>"
        assert axes.get_ylabel() or named_rows


@pytest.mark.parametrize("name", rnnx.readings.names())
def test_every_reading_has_a_picture(name):
    assert picture(name, everything(16)[name]).get_suptitle().replace("\n", " ").startswith(f"{WHOSE}: ")


@pytest.mark.parametrize("name", [*rnnx.diagnostics.names(), *rnnx.readings.names()])
def test_what_was_not_measured_is_not_drawn(name):
    assert not list(figures.pictures(name, {"step": 3, f"{name}/other": 1.0}, ""))


@pytest.mark.parametrize("name", rnnx.diagnostics.names())
def test_what_is_not_a_number_is_drawn_around(name):
    def spoiled(value):
        if isinstance(value, list):
            flat = np.ravel(value)
            flat[:3] = (nan, -inf, inf)[: flat.size]
            return flat.reshape(np.shape(value)).tolist()
        return nan if isinstance(value, float) else value

    drawn = picture(name, {tag: spoiled(value) for tag, value in record_of(name).items()})
    assert _style.png(drawn).startswith(b"\x89PNG")  # warnings are errors in these tests


NUMBERS = {
    "omega/value": 3.5,
    "recursion/residual": 1e-6,
    "mean_field/rate": -0.2,
    "noise_scale/noise_scale": 90.0,
    "random_truncation/cosine": 0.7,
    "random_truncation/relative_error": 0.4,
}


@pytest.mark.parametrize("tag", NUMBERS)
def test_a_number_stands_where_it_is(tag):
    name, value = tag.partition("/")[0], NUMBERS[tag]
    drawn = picture(name, record_of(name) | {tag: value})
    (diamonds,) = [marker for axes in drawn.axes for marker in axes.lines if marker.get_xdata()[0] == value]
    assert diamonds.get_marker() == "D"
    assert f"{value:.3g}" in [text.get_text() for text in diamonds.axes.texts]


def test_flossing_is_shown_as_a_rate_beside_one_over_the_length():
    (axes,) = picture("flossing", {"flossing/value": 0.09, "task.length": 64}).axes
    assert [line.get_xdata()[0] for line in axes.lines] == pytest.approx([0, 1 / 64, 0.3])


def test_a_number_is_seen_beside_what_it_would_mean():
    (axes,) = picture("noise_scale", {"noise_scale/noise_scale": 90.0, "batch_size": 32}).axes
    assert [text.get_text() for text in axes.texts] == ["one example", "batch of training: 32", "90"]
    (axes,) = picture("noise_scale", {"noise_scale/noise_scale": inf}).axes
    assert [text.get_text() for text in axes.texts] == ["one example", "the value is infinite"]


@pytest.mark.parametrize(("name", "tag"), [("weight_gradient", "log10_norm"), ("sensitivity", "log10")])
def test_arrays_have_a_dot_each_and_one_of_exactly_zero_is_told(name, tag):
    sizes = {"bias": -1.5, "input_kernel": -inf, "recurrent_kernel": -0.5}
    (axes,) = picture(name, {f"{name}/{array}/{tag}": size for array, size in sizes.items()}).axes
    (dots,) = axes.lines
    np.testing.assert_array_equal(dots.get_xydata(), [[-1.5, 0], [-0.5, 2]])
    assert [label.get_text() for label in axes.get_yticklabels()] == list(sizes)
    assert [text.get_text() for text in axes.texts] == ["input_kernel is exactly 0"]


def test_outputs_are_shares_with_the_ends_of_their_range():
    of = {"histogram": {"edges": [-1, 0, 1], "counts": [3, 1]}, "saturated": 0.25, "dead": 0.125}
    (axes,) = picture("hidden_units", {f"hidden_units/{name}": value for name, value in of.items()}).axes
    np.testing.assert_allclose(axes.patches[0].get_data().values, [0.75, 0.25])
    assert told(axes) == [
        "|y| > 0.95, saturated: 25.0% of the outputs",
        "dead, exactly 0 throughout: 12.5% of the units",
    ]


def with_gates(edges, counts, length=20):
    values = {"edges": [0.0, 0.5, 1.0], "counts": [1, 3]}
    return {
        **{
            f"gates/{gate}/{name}": v
            for gate in ("forget", "input")
            for name, v in (("histogram", values), ("mean", 0.7))
        },
        "gates/forget/time_scale": {"edges": edges, "counts": counts},
        "gates/forget/retention": (-0.1 * np.arange(length)).tolist(),
    }


def test_every_gate_is_there_and_time_scales_end_soon_after_the_length():
    values, scales, kept = picture("gates", with_gates([0.0, 1.0, 2.0, 5.0], [1, 2, 0])).axes
    assert told(values) == ["forget, mean 0.70", "input, mean 0.70"]
    np.testing.assert_allclose(values.patches[1].get_data().values, [0.25, 0.75])
    np.testing.assert_allclose(scales.patches[0].get_data().edges, [1, 10, 100, 1e5])
    assert line(scales, "length T = 20").get_xdata()[0] == 20
    assert scales.get_xlim() == (0.5, 200)
    np.testing.assert_allclose(line(kept, "forget").get_ydata(), -0.1 * np.arange(20))
    far = picture("gates", with_gates([0.0, 1.0, 4.0, 5.0], [1, 2, 1])).axes[1]
    assert far.get_xlim() == (0.5, 100 * 20)
    assert told(far)[0] == "forget (25% further right)"
    assert gates._beyond({"edges": [0.0, 1.0], "counts": [0]}, 10.0) == ""


def test_a_cell_whose_gates_keep_nothing_has_their_values_alone():
    only = {tag: value for tag, value in with_gates([0, 1], [1]).items() if tag.endswith(("histogram", "mean"))}
    assert len(picture("gates", only).axes) == 1


def test_the_smallest_singular_value_does_not_flatten_the_largest():
    largest, smallest, *_ = picture("jacobian_products", everything(64)["jacobian_products"]).axes
    assert told(largest)[:2] == ["largest singular value", "Frobenius norm"]
    fall = -0.1 * np.arange(64) / math.log(10)
    np.testing.assert_allclose(line(largest, "largest singular value").get_ydata(), fall)
    np.testing.assert_allclose(line(smallest, "smallest singular value").get_ydata(), 3 * fall)
    assert largest.get_ylim()[0] > 1.2 * fall.min()


def test_the_input_gradient_is_dots_and_their_running_mean():
    curve = np.where(np.arange(64) % 2, -1.0, -2.0) - 0.1 * np.arange(64)
    record = {f"input_gradient/log10_norm{q}": curve.tolist() for q in ("", "_q25", "_q75")}
    (axes,) = picture("input_gradient", record).axes
    dots, smooth = axes.lines
    np.testing.assert_array_equal(dots.get_ydata(), curve)
    assert dots.get_linestyle() == "None"
    assert np.abs(np.diff(curve)).min() > 0.8
    np.testing.assert_allclose(np.abs(np.diff(smooth.get_ydata()))[2:-2].max(), 0.1 + 1 / 5)  # three of five are alike
    assert np.isnan(input_gradient.running_mean(np.array([1.0, nan, 2.0, 3.0, 4.0]), 3)).tolist() == [1, 1, 1, 0, 0]


def test_eigenvalues_are_where_they_were_measured_beside_the_unit_circle():
    angle = 2 * np.pi * np.arange(8) / 8
    record = {}
    for gate, radius in (("forget", 1.0), ("input", 1.5)):
        for part, of in (("real", np.cos), ("imaginary", np.sin)):
            record[f"recurrent_matrix/{gate}/eigenvalues_{part}"] = (radius * of(angle)).tolist()
    first, second = picture("recurrent_matrix", record).axes
    assert [first.get_title(), second.get_title()] == ["forget, spectral radius 1", "input, spectral radius 1.5"]
    circle, found = first.lines
    np.testing.assert_allclose(np.hypot(*circle.get_xydata().T), 1)
    np.testing.assert_allclose(found.get_xydata(), np.stack([np.cos(angle), np.sin(angle)], axis=-1))
    assert first.get_xlim() == second.get_xlim() == first.get_ylim()
    assert first.get_aspect() == 1
    assert first.get_xlim()[1] > 1.5


def test_one_trial_now_and_before_training_over_the_gradient_at_lag_0():
    before = {"step": 0, **measurement(-0.5, 6, ("h", "c"))}
    now = {"step": 30, **measurement(-0.1, 6, ("h", "c"))}
    ((_, tag, drawn),) = figures.pictures("state_gradient", now, "", before)
    assert tag == "state_gradient/against_lag"
    (axes,) = drawn.axes
    assert axes.get_xlabel() == "lag k (steps before the scored one)"
    assert axes.get_ylabel() == "log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"
    assert told(axes)[:4] == ["h, step 30", "h, before training", "c, step 30", "c, before training"]
    for label, slope in (("h, step 30", -0.1), ("h, before training", -0.5)):
        np.testing.assert_allclose(line(axes, label).get_ydata(), slope * np.arange(6) / math.log(10), atol=1e-12)
    band = axes.collections[0].get_paths()[0].vertices
    assert np.ptp(band[band[:, 0] == 3, 1]) == pytest.approx(0.2)
    assert line(axes, "1 %: the reach").get_ydata()[0] == pytest.approx(-2)


def test_the_axis_is_the_same_at_every_step_but_where_a_gradient_explodes():
    limits = [
        picture("state_gradient", measurement(slope, 30, ("h",))).axes[0].get_ylim() for slope in (-0.1, -2.0, 0.0, 0.3)
    ]
    assert limits[0] == limits[1] == limits[2] == (-10, 1)
    assert limits[3][0] == -10
    assert limits[3][1] > 0.3 * 29 / math.log(10)


def test_a_part_that_is_read_late_is_seen_over_the_whole_at_its_first_lag():
    now = {f"state_gradient/state/log10_norm{q}": [-inf, -2.0, -3.0] for q in ("", "_q25", "_q75")}
    now |= {f"state_gradient/c/log10_norm{q}": [-inf, -2.5, -3.5] for q in ("", "_q25", "_q75")}
    axes = picture("state_gradient", now).axes[0]
    np.testing.assert_allclose(line(axes, "c, step 20").get_ydata(), [nan, -0.5, -1.5])


def test_one_trial_has_its_theory():
    now = {"step": 20, "mean_field/rate": -0.2} | {"state_gradient/state/log10_norm": [-1.0, -1.1, -1.2]}
    now |= {f"state_gradient/h/log10_norm{q}": [-1.0, -1.1, -1.2] for q in ("", "_q25", "_q75")}
    (axes,) = state_gradient.draw_trial(now, "a", now).axes
    np.testing.assert_allclose(line(axes, "mean-field theory, step 20").get_ydata(), [0, -0.4 / math.log(10)])


def test_quartiles_are_the_band_of_one_measurement():
    (axes,) = picture("log_state_gradient", everything(16)["log_state_gradient"]).axes
    curve = everything(16)["log_state_gradient"]["log_state_gradient/log10_norm"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), curve)
    band = axes.collections[0].get_paths()[0].vertices
    assert np.ptp(band[band[:, 0] == 3, 1]) == pytest.approx(0.4)


@pytest.mark.parametrize("name", ["paths", "weight_gradient_by_lag", "truncation_bias", "lyapunov"])
def test_curves_are_those_that_were_measured(name):
    record = everything(16)[name]
    drawn = [line.get_ydata() for axes in picture(name, record).axes for line in axes.lines]
    for tag, curve in record.items():
        if isinstance(curve, list):
            known = np.isfinite(curve)
            assert any(
                len(found) == len(curve) and np.ptp((np.array(found, float) - curve)[known]) < 1e-12 for found in drawn
            ), tag  # up to a constant, as some are relative; float64 rounding


def test_trajectories_have_all_their_steps():
    axes, bar = picture("trajectories", states(16)).axes
    assert len([line for line in axes.lines if line.get_marker() == "o"]) == 3
    assert "step t" in bar.get_ylabel()


@pytest.mark.parametrize(("cell", "color"), [("lstm", "#0072B2"), ("gru", "#009E73"), ("my_cells:own", "#CC6677")])
def test_a_trial_has_the_colour_of_its_cell_and_shades_of_grey_besides(cell, color):
    record = everything(16)["weight_gradient_by_lag"] | {"cell.name": cell}
    first, second = picture("weight_gradient_by_lag", record).axes[0].lines
    assert to_hex(first.get_color()).upper() == color
    red, green, blue = (round(255 * part) for part in _rgb(second.get_color()))
    assert red == green == blue
    assert (first.get_marker(), first.get_linestyle()) != (second.get_marker(), second.get_linestyle())


def _rgb(color):
    return tuple(int(to_hex(color)[n : n + 2], 16) / 255 for n in (1, 3, 5))


def test_lines_are_told_apart_however_many_there_are():
    styles = _trial.line_styles({"cell.name": "rnn"}, [str(n) for n in range(14)]).values()
    assert len({(str(style.linestyle), style.marker, style.color) for style in styles}) == 14


def test_each_part_of_a_model_has_its_picture():
    spectrum = everything(16)["lyapunov"]
    record = {"step": 20} | {f"{part}/{t}": v for part in ("layer0", "layer1") for t, v in spectrum.items()}
    pictures = list(figures.pictures("lyapunov", record, "a trial"))
    assert [(one.part, one.tag, one.figure.get_suptitle()) for one in pictures] == [
        ("layer0", "layer0/lyapunov/figure", "a trial, layer0: Lyapunov spectrum"),
        ("layer1", "layer1/lyapunov/figure", "a trial, layer1: Lyapunov spectrum"),
    ]


def test_while_a_trial_is_trained_only_what_is_no_chart_already_is_drawn():
    """It takes time that is taken from training."""
    drawn = {name for name in rnnx.diagnostics.names() if list(_in_training(name))}
    assert drawn == {
        "attention",
        "jacobian_products",
        "log_state_gradient",
        "lyapunov",
        "paths",
        "state_gradient",
        "trajectories",
        "truncation_bias",
        "weight_gradient_by_lag",
    }


def _in_training(name):
    return figures.pictures(name, record_of(name), "", training=True)
