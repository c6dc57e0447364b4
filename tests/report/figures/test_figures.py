import json
import math

import numpy as np
import pytest
from matplotlib.colors import to_rgb

import rnnx
from rnnx import examples
from rnnx.report import study
from rnnx.report.figures import (
    _style,
    _titles,
    loss,
    state_gradient,
    state_gradient_heat_map,
    state_gradient_horizon,
    state_gradient_parts,
)
from tests.report.records import measurement, write_trial

DRAW = {
    "lag": state_gradient.draw,
    "parts": state_gradient_parts.draw,
    "heat": state_gradient_heat_map.draw,
    "horizon": state_gradient_horizon.draw,
    "loss": loss.draw,
    "longest": lambda found, task: state_gradient.draw_longest(found),
}

UNITS = {
    "lag": ({"lag k (steps)"}, {"log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"}),
    "parts": ({"lag k (steps)"}, {"log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"}),
    "longest": ({"lag k (steps)"}, {"log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"}),
    "heat": (
        {"training step"},
        {"lstm\nlag k (steps)", "rnn\nlag k (steps)", "log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"},
    ),
    "horizon": ({"length T (steps)"}, {"reach (steps)", "decay rate (nats per step)"}),
    "loss": ({"training step"}, {"mean squared error"}),
}


@pytest.fixture
def small(tmp_path):
    for length in (4, 8):
        for seed, slope in enumerate((-0.5, -0.25, -0.4, -0.3, -0.45)):
            write_trial(tmp_path / f"rnn{length}{seed}", length=length, seed=seed, slopes=(slope, 2 * slope))
            where = tmp_path / f"lstm{length}{seed}"
            options = {"cell.forget_bias": 1.0}
            write_trial(where, cell="lstm", length=length, seed=seed, parts=("h", "c"), settings=options)
    return study.read(tmp_path)


def panel(figure, title):
    (axes,) = [axes for axes in figure.axes if axes.get_title() == title]
    return axes


def curves(axes):
    """Lines of variants, without the reference lines (which have two points)."""
    return [line for line in axes.lines if len(line.get_xdata()) > 2]


@pytest.mark.parametrize("name", DRAW)
def test_axes_have_labels_with_units_and_the_title_tells_what_is_drawn_of_the_seeds(small, name):
    figure = DRAW[name](small, "adding")
    x, y = ({getter() for axes in figure.axes if (getter := getattr(axes, f"get_{of}label"))()} for of in "xy")
    assert (x, y) == UNITS[name]
    subject, drawn = figure.get_suptitle().split("\n")
    assert "_" not in subject
    assert drawn == f"{'median' if name == 'heat' else 'median and range'} over seeds (5 of each network)"


def test_of_the_initialisation_the_title_tells_what_differs_and_no_variant_is_called_by(tmp_path):
    for cell, initializer in (("rnn", "glorot_uniform"), ("lru", "lecun_normal")):  # each by default
        options = {"cell.input_initializer": initializer, "cell.bias_initializer": "zeros"}
        write_trial(tmp_path / cell, cell=cell, task="copy_memory", settings=options)
    for size in (4, 8):
        write_trial(tmp_path / str(size), cell="lstm", task="copy_memory", settings={"cell.hidden_size": size})
    found = study.read(tmp_path)
    title = state_gradient.draw(found, "copy_memory").get_suptitle()
    assert title == (
        "copy memory: how far back the gradient reaches\n"
        "input initializer glorot uniform or lecun normal (lru, rnn); one seed"
    )
    assert "bias initializer zeros" in _titles.initialisation(list(found.groups))


def test_a_forget_bias_that_a_policy_overrides_is_not_told(tmp_path):
    for policy in ("chrono(8)", "zeros"):
        options = {"cell.forget_bias": 1.0, "cell.bias_initializer": policy}
        write_trial(tmp_path / policy, cell="lstm", parts=("h", "c"), settings=options)
    assert "forget bias 1, bias initializer zeros" in _titles.initialisation(
        list(study.read(tmp_path / "zeros").groups)
    )
    assert "forget bias" not in _titles.initialisation(list(study.read(tmp_path / "chrono(8)").groups))


@pytest.mark.parametrize("name", sorted(set(DRAW) - {"heat"}))
def test_one_legend_for_the_whole_figure(small, name):
    figure = DRAW[name](small, "adding")
    assert len(figure.legends) == 1
    assert all(axes.get_legend() is None for axes in figure.axes)
    told = {entry.get_text() for entry in figure.legends[0].get_texts()}
    assert {"lstm: h", "lstm: c"} <= told if name == "parts" else {"rnn", "lstm"} <= told


def names_at_ends(figure):
    return [[text.get_text() for text in axes.texts] for axes in figure.axes]


def test_lines_are_named_where_they_end_if_there_is_room(small):
    assert names_at_ends(state_gradient.draw(small, "adding")) == [[], ["lstm", "rnn"], [], ["rnn", "lstm"]]


def test_names_at_ends_keep_apart_in_the_order_of_the_lines():
    places = _style._apart({"a": 0.30, "b": 0.31, "c": 0.9, "d": 0.29}, 0.1)
    assert list(places) == ["d", "a", "b", "c"]
    assert np.diff(list(places.values())).min() == pytest.approx(0.1)
    assert places["c"] == 0.9
    crowded = _style._apart(dict.fromkeys("abcd", 0.0), 0.1)
    np.testing.assert_allclose(list(crowded.values()), [0.05, 0.15, 0.25, 0.35])  # none below the axes


def test_a_line_that_leaves_the_axes_has_no_name_at_their_edge(tmp_path):
    write_trial(tmp_path / "a", length=64, slopes=(-2.0, -0.1))
    assert names_at_ends(state_gradient.draw(study.read(tmp_path), "adding")) == [[], ["rnn"]]


@pytest.mark.parametrize("few", [2, 4])
def test_of_few_seeds_each_is_a_line_and_nothing_is_drawn_between_them(tmp_path, few):
    """No median of two networks, which neither of them has."""
    slopes = [-0.5, -0.25, -0.4, -0.3][:few]
    for seed, slope in enumerate(slopes):
        write_trial(tmp_path / str(seed), seed=seed, slopes=(slope, slope))
    found = study.read(tmp_path)
    figure = state_gradient.draw(found, "adding")
    axes = panel(figure, "T = 8, before training")
    assert not axes.collections  # no band
    for line, slope in zip(curves(axes), slopes, strict=True):
        np.testing.assert_allclose(np.log(10) * np.asarray(line.get_ydata()), slope * np.arange(8), atol=1e-12)
    assert figure.get_suptitle().endswith(f"each line a seed ({few} of each network)")
    rate = state_gradient_horizon.draw(found, "adding").axes[2]
    assert sorted(line.get_ydata()[0] for line in rate.lines if line.get_marker() != "None") == sorted(slopes)
    assert not rate.containers


def test_a_seed_without_a_value_does_not_make_five_of_four(tmp_path):
    for seed in range(5):
        write_trial(tmp_path / str(seed), seed=seed, measured=3 if seed else 1, status="done" if seed else "unfinished")
    axes = panel(state_gradient.draw(study.read(tmp_path), "adding"), "T = 8, after 20 steps")
    assert len(curves(axes)) == 4


def test_the_legend_has_what_is_in_the_axes_alone(tmp_path):
    write_trial(tmp_path / "a", length=4, slopes=(-0.1, -0.1))
    write_trial(tmp_path / "b", cell="gru", length=4, measured=0, status="unfinished")
    (legend,) = state_gradient.draw(study.read(tmp_path), "adding").legends
    assert [entry.get_text() for entry in legend.get_texts()] == ["rnn", "1/e: the horizon"]


def test_curves_start_at_zero_and_have_the_slope_that_was_measured(small):
    figure = state_gradient.draw(small, "adding")
    _, rnn = curves(panel(figure, "T = 8, before training"))
    nats = np.log(10) * np.asarray(rnn.get_ydata())
    np.testing.assert_allclose(
        nats, -0.4 * np.arange(8), atol=1e-12
    )  # float64 rounding of ten-fold sums and logarithms
    trained = curves(panel(figure, "T = 8, after 20 steps"))[1]
    np.testing.assert_allclose(np.log(10) * np.asarray(trained.get_ydata()), -0.8 * np.arange(8), atol=1e-12)


def test_the_band_goes_from_the_lowest_to_the_highest_seed(small):
    figure = state_gradient.draw(small, "adding")
    band = panel(figure, "T = 8, before training").collections[1].get_paths()[0].vertices
    at_7 = band[band[:, 0] == 7, 1] * np.log(10)
    assert at_7.min() == pytest.approx(-0.5 * 7)
    assert at_7.max() == pytest.approx(-0.25 * 7)


def test_all_panels_of_a_figure_have_one_scale_that_ends_where_it_no_longer_matters(tmp_path):
    write_trial(tmp_path / "a", length=4, slopes=(-0.1, -0.1))
    write_trial(tmp_path / "b", length=64, slopes=(-2.0, 0.0))
    figure = state_gradient.draw(study.read(tmp_path), "adding")
    assert {axes.get_ylim() for axes in figure.axes} == {(-10.0, 0.5)}


def test_a_gradient_of_exactly_zero_is_a_gap_and_the_reference_is_the_first_lag_that_has_one(tmp_path):
    tags = measurement(-0.5, 4, ("h",))
    for tag in ("state_gradient/state/log10_norm", "state_gradient/h/log10_norm"):
        tags[tag] = [-math.inf, -2.0, -3.0, -math.inf]
    write_trial(tmp_path / "a", length=4, extra=tags)
    found = study.read(tmp_path)
    (line,) = curves(panel(state_gradient.draw(found, "adding"), "T = 4, before training"))
    np.testing.assert_array_equal(line.get_ydata(), [math.nan, 0.0, -1.0, math.nan])


def test_parts_are_seen_against_the_whole_state(tmp_path):
    tags = {"state_gradient/state/log10_norm": [-1.0, -2.0, -3.0]}
    tags |= {"state_gradient/h/log10_norm": [-1.0, -2.5, -3.5], "state_gradient/c/log10_norm": [-math.inf, -2.2, -3.1]}
    write_trial(tmp_path / "a", cell="lstm", length=3, extra=tags, parts=("h", "c"))
    figure = state_gradient_parts.draw(study.read(tmp_path), "adding")
    h, c = curves(panel(figure, "T = 3, before training"))
    np.testing.assert_allclose(h.get_ydata(), [0, -1.5, -2.5])
    np.testing.assert_allclose(c.get_ydata(), [math.nan, -1.2, -2.1])


def test_a_part_has_the_colour_of_its_network_and_a_dash_of_its_own(tmp_path):
    for bias in (0.0, 1.0):
        write_trial(tmp_path / str(bias), cell="lstm", parts=("h", "c"), settings={"cell.forget_bias": bias})
    found = study.read(tmp_path)
    drawn = curves(panel(state_gradient_parts.draw(found, "adding"), "T = 8, before training"))
    colors = [style.color for style in _style.variant_styles(found).values()]
    assert [to_rgb(line.get_color()) for line in drawn] == [to_rgb(colors[n]) for n in (0, 0, 1, 1)]
    dashes = [line._unscaled_dash_pattern for line in drawn]
    assert dashes[0] == dashes[2] != dashes[1] == dashes[3]


def test_a_state_of_one_part_is_not_taken_apart(tmp_path):
    write_trial(tmp_path / "a")
    assert state_gradient_parts.draw(study.read(tmp_path), "adding") is None


def test_the_heat_map_is_the_median_over_seeds_of_every_measurement_over_that_at_lag_0(small):
    figure = state_gradient_heat_map.draw(small, "adding")
    rnn = figure.axes[3]  # rows lstm and rnn, columns 4 and 8
    (mesh,) = rnn.collections
    values = np.asarray(mesh.get_array())  # [lag, step]
    expected = np.outer(np.arange(8), [-0.4, -0.8, -0.8]) / np.log(10)
    np.testing.assert_allclose(values, expected, atol=1e-12)  # rounding of differences of logarithms
    np.testing.assert_allclose(np.diff(mesh.get_coordinates()[0, :, 0]), 1)  # all as wide
    assert [tick.get_text() for tick in rnn.get_xticklabels()] == ["0", "10", "20"]
    assert len({axes.collections[0].norm for axes in figure.axes[:4]}) == 1


def test_of_few_seeds_the_heat_map_shows_the_first(tmp_path):
    for seed, slope in enumerate((-0.5, -0.25)):
        write_trial(tmp_path / str(seed), seed=seed, slopes=(slope, slope))
    figure = state_gradient_heat_map.draw(study.read(tmp_path), "adding")
    assert figure.get_suptitle().endswith("the first seed (2 of each network)")
    (mesh,) = figure.axes[0].collections
    np.testing.assert_allclose(np.asarray(mesh.get_array())[:, 0], -0.5 * np.arange(8) / np.log(10), atol=1e-12)


def test_losses_are_seen_beside_the_loss_without_memory(small):
    axes = panel(loss.draw(small, "adding"), "T = 8, held out")
    _, rnn = curves(axes)
    np.testing.assert_array_equal(rnn.get_xdata(), [0, 10, 20])
    np.testing.assert_array_equal(rnn.get_ydata(), [1.0, 0.5, 0.1])
    assert 0.2 in {line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2}
    training = panel(loss.draw(small, "adding"), "T = 8, training").lines[0]
    np.testing.assert_array_equal(training.get_ydata(), [0.5, 0.3])


def test_the_first_losses_do_not_take_the_axis_from_the_others(tmp_path):
    write_trial(tmp_path / "a", loss=0.45, floor=0.4)
    axes = panel(loss.draw(study.read(tmp_path), "adding"), "T = 8, held out")
    low, high = axes.get_ylim()
    assert low < 0.3  # the training loss at the end
    assert 0.5 < high < 0.6  # at step 10, while it is 1 before training
    assert max(axes.lines[0].get_ydata()) == 1.0


@pytest.mark.parametrize(("last", "scale"), [(0.1, "linear"), (0.001, "log")])
def test_small_losses_get_a_logarithmic_axis(tmp_path, last, scale):
    write_trial(tmp_path / "a", loss=last)
    assert {axes.get_yscale() for axes in loss.draw(study.read(tmp_path), "adding").axes} == {scale}


def test_reach_and_decay_rate_with_their_range_over_seeds(small):
    figure = state_gradient_horizon.draw(small, "adding")
    rate = figure.axes[2]
    line, _, (bars,) = rate.containers[1]  # of the rnn, before training
    np.testing.assert_allclose(line.get_ydata(), [-0.4, -0.4])
    # Variants are drawn a little aside of each other.
    np.testing.assert_allclose(np.asarray(line.get_xdata(), float), [4, 8], rtol=0.05)
    np.testing.assert_allclose(bars.get_segments()[1][:, 1], [-0.5, -0.25])
    np.testing.assert_allclose(figure.axes[0].containers[1][0].get_ydata(), [3, 7])  # ln 0.01 / -0.4 is 11.5


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize("measured", [*(pytest.param(n, marks=pytest.mark.slow) for n in (0, 3)), 1])
def test_figures_of_a_single_step_of_time_or_of_nothing_are_drawn(tmp_path, name, measured):
    # Warnings are errors in these tests.
    write_trial(tmp_path / "a", cell="lstm", length=1, parts=("h", "c"), measured=measured, status="unfinished")
    figure = DRAW[name](study.read(tmp_path), "adding")
    if figure is None:
        assert (name, measured) == ("parts", 0)
    else:
        assert _style.png(figure).startswith(b"\x89PNG")


def test_values_that_are_not_finite_are_drawn_around(tmp_path):
    tags = measurement(-0.5, 4, ("h",)) | {"state_gradient/h/log10_norm": [math.nan, -math.inf, -1.0, -2.0]}
    write_trial(tmp_path / "a", length=4, seed=0, loss=math.inf, extra=tags)
    write_trial(tmp_path / "b", length=4, seed=1, loss=math.nan)
    for name, draw in DRAW.items():
        figure = draw(study.read(tmp_path), "adding")
        assert figure is None or _style.png(figure).startswith(b"\x89PNG"), name


def test_looks_are_told_apart_without_colour():
    line_styles = _style.line_styles([f"variant {index}" for index in range(14)])
    assert len({(str(style.linestyle), style.marker, style.color) for style in line_styles.values()}) == 14
    first = list(line_styles.values())[:7]
    assert len({str(style.linestyle) for style in first}) == len({style.marker for style in first}) == 7


def test_a_variant_looks_the_same_in_every_figure(small):
    (color,) = {to_rgb(_style.variant_styles(small)["rnn"].color)}
    lines = [curves(panel(DRAW[name](small, "adding"), "T = 8, before training"))[1] for name in ("lag",)]
    lines.append(curves(panel(loss.draw(small, "adding"), "T = 8, held out"))[1])
    lines.append(state_gradient_horizon.draw(small, "adding").axes[2].containers[1][0])
    assert {to_rgb(line.get_color()) for line in lines} == {color}
    assert {line.get_marker() for line in lines} == {_style.variant_styles(small)["rnn"].marker}


def test_each_cell_has_a_colour_of_its_own():
    assert set(rnnx.cells.names()) <= set(_style.CELL_COLORS)
    assert len({*_style.CELL_COLORS.values(), _style.cell_color("mine:cell")}) == len(_style.CELL_COLORS) + 1


def test_a_cell_has_one_colour_in_every_study(tmp_path):
    """Whatever stands beside it, and a variant of it a shade of that; cells of one's own have others."""
    for name, cells in (("a", ("gru", "lstm")), ("b", ("lstm", "mine:cell", "gru", "rnn"))):
        for cell in cells:
            write_trial(tmp_path / name / cell.partition(":")[0], cell=cell)
    one, other = (_style.variant_styles(study.read(tmp_path / name)) for name in ("a", "b"))
    for cell in ("gru", "lstm"):
        assert one[cell].color == other[cell].color == _style.CELL_COLORS[cell]
    assert len({style.color for style in other.values()}) == 4
    for bias in (0.0, 1.0, 2.0):
        write_trial(tmp_path / "c" / f"{bias}", cell="lstm", settings={"cell.forget_bias": bias})
    first, *others = _style.variant_styles(study.read(tmp_path / "c")).values()
    assert first.color == _style.CELL_COLORS["lstm"]
    assert len({first.color, *(style.color for style in others)}) == 3
    assert len({style.marker for style in (first, *others)}) == 3


def test_of_trees_lag_is_depth(tmp_path):
    write_trial(tmp_path / "one")
    example = examples.tree(["a", "b", ""], np.array([[-1, -1], [-1, -1], [0, 1]]))
    (tmp_path / "one" / "example.json").write_text(json.dumps(example._asdict()))
    found = study.read(tmp_path)
    assert {axes.get_xlabel() for axes in state_gradient.draw(found, "adding").axes} - {""} == {"depth k (levels)"}
    assert state_gradient_heat_map.draw(found, "adding").axes[0].get_ylabel() == "rnn\ndepth k (levels)"
