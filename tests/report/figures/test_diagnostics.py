"""Figures of the measurements that not every study takes."""

import math

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from rnnx import examples
from rnnx.report import figures, study, summary
from rnnx.report.figures import (
    _style,
    _text,
    clipping,
    gates,
    jacobian_products,
    loss_by_context,
    lyapunov,
    noise_scale,
    paths,
    selective_units,
    state_gradient,
    surprise,
    trajectories,
    truncation_bias,
    weight_gradient_by_lag,
)
from rnnx.report.pages import page
from rnnx.types import Forecast, Written
from tests.report.figures.test_computational_graph import graph
from tests.report.measured import everything, flat, states
from tests.report.records import write_forecasts, write_samples, write_trial

inf, nan = math.inf, math.nan

ALWAYS = ("loss", *(f"state_gradient{of}" for of in ("", "_heat_map", "_horizon", "_on_data", "_parts")))
"""Of the gradient of the state and the loss, which every study has; they have tests of their own."""

DRAW = {section.name: section.draw for section in figures.sections() if section.name not in ALWAYS}

NORMS = {"train/gradient_norm": 0.5, "train/gradient_norm_q95": 2.0}
VALUES = {"clip_norm": 1.0, "batch_size": 32}
RATES = {"rnn": -0.3, "lstm": -0.05}
SEEDS, MEDIAN = 5, 0.02  # by which the middle one is higher than the first
PARTS = {"rnn": ("h",), "lstm": ("h", "c")}


def values(cell, length, rate=None):
    """All tags of a record of a cell; a cell without gates and with one part lacks what that brings."""
    made = flat(everything(length, RATES[cell] if rate is None else rate))
    if cell == "rnn":
        made = {tag: v for tag, v in made.items() if not tag.startswith(("gates/", "paths/c/"))}
    return made | NORMS


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two cells, two lengths, five seeds, each with rates 0.01 higher than the one before."""
    workdir = tmp_path_factory.mktemp("small")
    for cell, rate in RATES.items():
        for length in (8, 32):
            for seed in range(SEEDS):
                write_trial(
                    workdir / f"{cell}{length}{seed}",
                    cell=cell,
                    length=length,
                    seed=seed,
                    parts=PARTS[cell],
                    settings=VALUES | ({"cell.forget_bias": 1.0} if cell == "lstm" else {}),
                    extra=values(cell, length, rate + 0.01 * seed),
                    analysis={"trajectories": states(length)},
                )
    return study.read(workdir)


def told(figure):
    (legend,) = figure.legends
    return {entry.get_text() for entry in legend.get_texts()}


def labels(figure):
    return [{get() for axes in figure.axes if (get := getattr(axes, f"get_{of}label"))()} for of in "xy"]


def curves(axes):
    """Lines of variants, without references and stars."""
    return [line for line in axes.lines if len(line.get_xdata()) > 2]


LAG, LOG = "lag k (steps)", "log$_{10}$, k Jacobians"
RANK, STEPS = "i, from the largest", "K, steps that the gradient goes back"
UNITS = {
    "jacobian_products": (
        {LAG, RANK},
        {
            f"largest singular value\n{LOG}",
            f"Frobenius norm\n{LOG}",
            f"smallest singular value\n{LOG}",
            "log$_{10}$ condition number",
            "ln σ$_i$ / k at the largest lag\n(nats per step)",
        },
    ),
    "lyapunov": ({RANK}, {"Lyapunov exponent λ$_i$\n(nats per step)"}),
    "weight_gradient_by_lag": ({"training step"}, {"rnn\nshare of Σ$_k$ ‖G$_k$‖", "lstm\nshare of Σ$_k$ ‖G$_k$‖"}),
    "truncation_bias": ({STEPS}, {"relative error ‖g$_K$ − g‖ / ‖g‖", "cos(g$_K$, g)"}),
    "gates": (
        {"time scale −1/ln f (steps)"},
        {"lstm: forget\nshare of the units"},
    ),
    "clipping": (
        {"training step"},
        {"share of steps clipped", "gradient norm\n(median)", "gradient norm\n(95 % quantile)"},
    ),
    "noise_scale": ({"training step"}, {"noise scale (examples)"}),
    "paths": ({LAG}, {"log$_{10}$  ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖"}),
    "surprise": (set(), {"nats per character"}),
    "selective_units": (set(), {"activation"}),
    "loss_by_context": ({"k, tokens read before the target"}, {"mean squared error"}),
    "loss_by_length": ({"length of the sequence (steps)"}, {"mean squared error"}),
}

LEGENDS = {
    "jacobian_products": {"rnn", "lstm", "nothing gained, nothing lost"},
    "lyapunov": {"rnn", "lstm", "neither grows nor decays"},
    "weight_gradient_by_lag": {
        "lag 0",
        "lag 1 to 2",
        "lag 3 to 9",
        "lag 10 to 29",
        "lag 30 and more",
        "lag 10: older above",
    },
    "truncation_bias": {"rnn", "lstm", "admissible: 0.1 (star: smallest such K)", "same direction"},
    "gates": {"last measurement", "before training", "length T of the task"},
    "clipping": {"rnn", "lstm", "limit, beyond which a gradient is clipped"},
    "noise_scale": {"rnn", "lstm", "batch size of training"},
    "paths": {"all paths", "through h alone", "through c alone"},
    "loss_by_context": {"rnn", "lstm"},
    "loss_by_length": {"rnn", "lstm", "without memory"},
}


@pytest.mark.parametrize("name", UNITS)
def test_axes_have_labels_with_units(small, name):
    assert tuple(labels(DRAW[name](small, "adding"))) == UNITS[name]


@pytest.mark.parametrize("name", LEGENDS)
def test_the_legend_names_what_is_drawn_and_the_title_what_is_drawn_of_seeds(small, name):
    figure = DRAW[name](small, "adding")
    assert told(figure) == LEGENDS[name]
    several = {"weight_gradient_by_lag": "mean over seeds", "gates": "units of all seeds together"}
    drawn = several.get(name, "median and range over seeds")
    assert figure.get_suptitle().split("\n")[1] == f"{drawn} (5 of each network)"


@pytest.mark.parametrize("name", DRAW)
def test_what_was_not_measured_is_not_drawn(tmp_path, name):
    write_trial(tmp_path / "a", cell="lstm", parts=("h", "c"))
    assert DRAW[name](study.read(tmp_path), "adding") is None


OF_OTHER_TRIALS = {"state_gradient_handed_over", "alignment"}
"""Figures of models of two parts, and of recordings, which have tests of their own."""


@pytest.mark.parametrize("name", sorted(DRAW.keys() - OF_OTHER_TRIALS))
def test_figures_of_what_is_not_a_number_or_not_there_are_drawn(tmp_path, name):
    def spoiled(value, bad):
        if isinstance(value, dict | str) or (isinstance(value, list) and isinstance(value[0], str)):
            return value
        if isinstance(value, list) and isinstance(value[0], list):
            return [[bad] * len(value[0]), *value[1:]]
        return [bad, *value[1:]] if isinstance(value, list) else bad

    for seed, bad in enumerate((nan, -inf, inf)):
        tags = {tag: spoiled(value, bad) for tag, value in values("lstm", 8).items()}
        moving = {
            "trajectories/states": np.where(np.arange(9)[:, None, None] < 5, states(8)["trajectories/states"], bad)
        }
        found = {"trajectories": {tag: value.tolist() for tag, value in moving.items()}}
        where = tmp_path / str(seed)
        write_trial(
            where, cell="lstm", length=8, seed=seed, parts=("h", "c"), extra=tags, analysis=found, graph=graph(length=8)
        )
        write_samples(where, 20, Written(examples.text(["a"], "b"), "b", ""))
        write_forecasts(where, 20, Forecast("a", "day", [0.0, 1.0], [], [0.0, 1.0], [bad, 1.0], [bad, bad]))
    write_trial(tmp_path / "short", cell="lstm", length=1, parts=("h", "c"), extra=values("lstm", 1), measured=1)
    figure = DRAW[name](study.read(tmp_path), "adding")
    assert _style.png(figure).startswith(b"\x89PNG")  # warnings are errors in these tests


def test_of_few_seeds_each_has_its_star_and_areas_are_of_the_first(tmp_path):
    for seed, rate in enumerate((-0.3, -0.05)):
        write_trial(tmp_path / str(seed), length=32, seed=seed, extra=values("rnn", 32, rate))
    found = study.read(tmp_path)
    axes = truncation_bias.draw(found, "adding").axes[0]
    stars = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "*"]
    assert stars == [flat(everything(32, rate))["truncation_bias/smallest_k"] for rate in (-0.3, -0.05)]
    figure = weight_gradient_by_lag.draw(found, "adding")
    assert figure.get_suptitle().endswith("the first seed (2 of each network)")
    (line,) = figure.axes[0].lines
    older = flat(everything(32, -0.3))["weight_gradient_by_lag/all/share_older_than_10"]
    np.testing.assert_allclose(line.get_ydata(), 1 - older)


def test_time_scales_have_one_scale_for_all_rows(tmp_path):
    for cell, counts in (("lstm", [1, 1]), ("gru", [9, 1])):
        of = {"gates": {"gates/keep/time_scale": {"edges": [0.0, 1.0, 2.0], "counts": counts}}}
        write_trial(tmp_path / cell, cell=cell, analysis=of)
    found = study.read(tmp_path)
    panels = gates.draw(found, "adding").axes
    assert len({axes.get_ylim() for axes in panels}) == 1
    for axes, variant in zip(panels, found.variants, strict=True):
        color = to_rgb(_style.variant_styles(found)[variant].color)
        assert to_rgb(axes.patches[0].get_facecolor()) == color


def test_singular_values_are_drawn_as_they_were_measured(small):
    figure = jacobian_products.draw(small, "adding")
    assert [axes.get_title() for axes in figure.axes[:2]] == ["before training", "after 20 steps"]
    assert "T = 32" in figure.get_suptitle()  # the longest
    largest, spectrum = figure.axes[0], figure.axes[8]
    rnn = {line.get_color(): line for line in curves(largest)}[_style.variant_styles(small)["rnn"].color]
    expected = (-0.3 + MEDIAN) * np.arange(32) / math.log(10)
    np.testing.assert_allclose(rnn.get_ydata(), expected, atol=1e-12)  # rounding of a product
    np.testing.assert_array_equal(curves(spectrum)[0].get_xdata(), [1, 2, 3, 4])


def test_an_exponent_of_minus_infinity_ends_the_spectrum(tmp_path):
    write_trial(tmp_path / "a", extra={"lyapunov/spectrum": [-0.1, -0.5, -inf, -inf]})
    axes, _ = lyapunov.draw(study.read(tmp_path), "adding").axes
    (line,) = curves(axes)
    np.testing.assert_array_equal(line.get_ydata(), [-0.1, -0.5, nan, nan])


def test_an_analysis_takes_the_place_of_the_last_measurement_and_one_at_the_start_that_of_the_first(tmp_path):
    spectrum = "lyapunov/spectrum"
    write_trial(tmp_path / "a", analysis={"lyapunov": {spectrum: [0.5, 0.1, 0.0]}})
    (only,) = lyapunov.draw(study.read(tmp_path), "adding").axes
    assert only.get_title() == "after 20 steps"
    write_trial(
        tmp_path / "b",
        seed=1,
        extra={spectrum: [9.0, 9.0, 9.0]},
        analysis={"lyapunov": {spectrum: [0.7, 0.3, 0.0]}},
        initial={"lyapunov": {spectrum: [-0.5, -0.6, -0.7]}},
    )
    first, last = lyapunov.draw(study.read(tmp_path), "adding").axes
    np.testing.assert_array_equal(curves(first)[0].get_ydata(), [-0.5, -0.6, -0.7])
    np.testing.assert_array_equal([line.get_ydata() for line in curves(last)], [[0.5, 0.1, 0.0], [0.7, 0.3, 0.0]])


def test_the_title_counts_the_seeds_that_were_analysed(tmp_path):
    for seed in range(3):
        of = {"lyapunov": {"lyapunov/spectrum": [0.5, 0.1]}} if seed == 1 else {}
        write_trial(tmp_path / str(seed), seed=seed, analysis=of)
    assert lyapunov.draw(study.read(tmp_path), "adding").get_suptitle().endswith("one seed")


def test_shares_of_a_geometric_series():
    ratio = 0.9
    found = weight_gradient_by_lag.shares(np.log10(ratio) * np.arange(400))
    lag = np.array([0, 1, 3, 10, 30, 100])
    expected = ratio**lag - np.append(ratio ** lag[1:], ratio**400)  # Σ_{a ≤ k < b} ρ^k (1 - ρ) = ρ^a - ρ^b
    np.testing.assert_allclose(found, expected / (1 - ratio**400), rtol=1e-9)  # rounding of sums of 400 powers


def test_shares_far_below_the_smallest_number_and_of_nothing():
    np.testing.assert_allclose(weight_gradient_by_lag.shares(np.array([-1000.0, -1000.0, nan, nan]))[:2], [0.5, 0.5])
    assert np.isnan(weight_gradient_by_lag.shares(np.full(20, -inf))).all()


def test_bands_of_the_weight_gradient_add_up_and_the_line_is_at_lag_10(small):
    figure = weight_gradient_by_lag.draw(small, "adding")
    axes = figure.axes[3]  # rows rnn and lstm as in the study, columns 8 and 32
    top = axes.collections[-1].get_paths()[0].vertices
    assert top[:, 1].max() == pytest.approx(1)
    variant = axes.get_subplotspec().rowspan.start
    cell = small.variants[variant]
    older = [
        flat(everything(32, RATES[cell] + shift))["weight_gradient_by_lag/all/share_older_than_10"]
        for shift in 0.01 * np.arange(SEEDS)
    ]
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_ydata(), 1 - np.mean(older))
    np.testing.assert_array_equal(line.get_xdata(), [0, 10, 20])


def test_a_weight_gradient_that_is_not_a_number_is_a_gap(tmp_path):
    tags = everything(12)["weight_gradient_by_lag"] | {"weight_gradient_by_lag/all/share_older_than_10": nan}
    write_trial(tmp_path / "a", length=12, extra=tags)
    (line,) = weight_gradient_by_lag.draw(study.read(tmp_path), "adding").axes[0].lines
    assert np.isnan(line.get_ydata()).all()


def test_a_star_marks_the_smallest_admissible_truncation(small):
    figure = truncation_bias.draw(small, "adding")
    axes = figure.axes[0]
    stars = {to_rgb(line.get_color()): line for line in axes.lines if line.get_marker() == "*"}
    for cell, rate in RATES.items():
        shifts = 0.01 * np.arange(SEEDS)
        expected = [flat(everything(32, rate + shift))["truncation_bias/smallest_k"] for shift in shifts]
        star = stars[to_rgb(_style.variant_styles(small)[cell].color)]
        assert (star.get_xdata()[0], star.get_ydata()[0]) == (np.median(expected), 0.1)
    assert axes.get_yscale() == axes.get_xscale() == "log"
    assert curves(axes)[0].get_xdata()[0] == 1  # the first K


def test_time_scales_are_shares_of_the_units_of_all_seeds_beside_the_length(small):
    figure = gates.draw(small, "adding")
    axes = figure.axes[1]  # row forget, column 32
    last, first = axes.patches
    shares, edges, _ = last.get_data()
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25])
    np.testing.assert_allclose(edges, [0.1, 1, 10, 100])
    np.testing.assert_allclose(first.get_data().values, shares)
    assert [line.get_xdata()[0] for line in axes.lines] == [32]


def test_time_scales_of_seeds_are_added_and_the_first_are_apart_from_the_last(tmp_path):
    edges = [0.0, 1.0, 2.0]
    for seed, (first, last) in enumerate((([4, 0], [0, 1]), ([4, 0], [3, 0]))):
        of = [{"gates": {"gates/forget/time_scale": {"edges": edges, "counts": counts}}} for counts in (first, last)]
        write_trial(tmp_path / str(seed), cell="lstm", seed=seed, initial=of[0], analysis=of[1])
    axes = gates.draw(study.read(tmp_path), "adding").axes[0]
    last, first = axes.patches
    np.testing.assert_allclose(last.get_data().values, [0.75, 0.25])
    np.testing.assert_allclose(first.get_data().values, [1, 0])
    assert axes.get_xlim() == (0.5, 200)


def test_norms_are_drawn_beside_the_limit(small):
    figure = clipping.draw(small, "adding")
    share, middle, largest = figure.axes[1::2]
    for axes, expected in ((middle, 0.5), (largest, 2.0)):
        np.testing.assert_allclose(curves(axes)[0].get_ydata(), [expected] * 3)
        assert 1.0 in {line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2}
    np.testing.assert_allclose(share.lines[0].get_ydata(), [0.2, 0.4])


def test_what_was_never_clipped_is_said_and_not_drawn(tmp_path):
    never = {"train/clipped": 0.0, "train/gradient_norm": 0.2, "train/gradient_norm_q95": 0.31}
    write_trial(tmp_path / "a" / "0", settings=VALUES, extra=never)
    assert clipping.draw(study.read(tmp_path / "a"), "adding") == (
        "No training step was clipped: the norm of the gradient was below the limit of 1, and of 95 % of the steps at "
        "most 0.31."
    )
    write_trial(tmp_path / "b" / "0", settings={"clip_norm": 0.0}, extra=never)
    figure = clipping.draw(study.read(tmp_path / "b"), "adding")  # without a limit there is nothing to be said of it
    assert [axes.get_ylabel() for axes in figure.axes] == ["gradient norm\n(median)", "gradient norm\n(95 % quantile)"]
    assert told(figure) == {"rnn"}


def test_a_noise_scale_of_one_measurement_is_said_and_not_drawn(tmp_path):
    for seed, value in enumerate((41.7, inf)):
        of = {"noise_scale": {"noise_scale/noise_scale": value}}
        write_trial(tmp_path / str(seed), seed=seed, settings=VALUES, analysis=of)
    assert noise_scale.draw(study.read(tmp_path), "adding") == (
        "The noise scale was measured once, after 20 steps, in examples: at T = 8 rnn 42 and not to be told. "
        "A batch in training has 32."
    )


def test_noise_scale_beside_the_batch_size(small):
    axes = noise_scale.draw(small, "adding").axes[0]
    lines = {to_rgb(line.get_color()): line for line in curves(axes)}
    rnn = lines[to_rgb(_style.variant_styles(small)["rnn"].color)]
    np.testing.assert_allclose(rnn.get_ydata(), [68.0] * 3)
    assert 32 in {line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2}


def test_paths_are_seen_against_all_of_them_at_lag_0_and_only_where_there_are_several(small):
    figure = paths.draw(small, "adding")
    assert [axes.get_title() for axes in figure.axes] == ["lstm, before training", "lstm, after 20 steps"]
    whole, c, h = curves(figure.axes[0])
    assert whole.get_ydata()[0] == 0
    assert math.isnan(c.get_ydata()[0])
    np.testing.assert_allclose(c.get_ydata()[1:] - whole.get_ydata()[1:], -0.1)
    assert h.get_ydata()[0] == pytest.approx(-0.5)


def test_principal_components_keep_distances_in_a_plane():
    rng = np.random.default_rng(0)
    plane = np.linalg.qr(rng.normal(size=(6, 2))).Q
    flat_states = rng.normal(size=(9, 3, 2)) * [3.0, 1.0]
    projected, share = trajectories.principal(flat_states @ plane.T + 5)
    assert share.sum() == pytest.approx(1)
    between = lambda points: np.linalg.norm(points.reshape(-1, 1, 2) - points.reshape(1, -1, 2), axis=-1)  # noqa: E731
    np.testing.assert_allclose(between(projected), between(flat_states), atol=1e-12)  # rounding of an SVD


def test_a_state_of_one_entry_and_one_that_is_not_a_number_have_trajectories():
    projected, share = trajectories.principal(np.array([[[1.0]], [[2.0]], [[nan]]]))
    np.testing.assert_allclose(abs(projected[:2, 0]), [[0.5, 0], [0.5, 0]])
    assert np.isnan(projected[2, 0, 0])
    np.testing.assert_allclose(share, [1, 0])


def test_trajectories_start_and_end_where_the_states_do(small):
    figure = trajectories.draw(small, "adding")
    axes = figure.axes[0]
    projected, share = trajectories.principal(np.array(states(32)["trajectories/states"]))
    starts = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
    ends = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "s"]
    np.testing.assert_allclose(starts, projected[0])
    np.testing.assert_allclose(ends, projected[-1])
    assert f"{share[0]:.0%} of the variance" in axes.get_xlabel()
    assert [axes.get_title() for axes in figure.axes[:2]] == small.variants
    assert "step t" in figure.axes[-1].get_ylabel()


def test_parameters_before_training_may_be_all_that_was_analysed(tmp_path):
    """Also of one trial alone, beside another that was analysed at its end."""
    at_first = everything(8) | {"trajectories": states(8)}
    write_trial(tmp_path / "gru", cell="gru", settings=VALUES, initial=at_first)
    for section in figures.sections():
        section.draw(study.read(tmp_path), "adding")
    alone = trajectories.draw(study.read(tmp_path), "adding")
    assert "before training" in alone.get_suptitle()
    write_trial(tmp_path / "rnn", settings=VALUES, analysis={"trajectories": states(8)})
    both = trajectories.draw(study.read(tmp_path), "adding")
    assert "after 20 steps" in both.get_suptitle()
    assert [axes.get_title() for axes in both.axes[:-1]] == ["rnn"]


@pytest.mark.parametrize("when", ["before training", "after 20 steps"])
def test_the_theory_is_a_straight_line_from_lag_0_in_the_colour_of_its_variant(small, when):
    figure = state_gradient.draw(small, "adding")
    (axes,) = [axes for axes in figure.axes if axes.get_title() == f"T = 32, {when}"]
    style = _style.variant_styles(small)["rnn"]
    (line,) = [
        line for line in axes.lines if len(line.get_xdata()) == 2 and to_rgb(line.get_color()) == to_rgb(style.color)
    ]
    np.testing.assert_array_equal(line.get_xdata(), [0, 31])
    np.testing.assert_allclose(line.get_ydata(), [0, (-0.3 + MEDIAN) * 31 / math.log(10)])
    assert "mean-field theory (open marker: of which variant)" in told(figure)


def test_without_a_theory_there_is_no_line_and_no_entry(tmp_path):
    write_trial(tmp_path / "a")
    figure = state_gradient.draw(study.read(tmp_path), "adding")
    assert not [entry for entry in told(figure) if "theory" in entry]


def letters(axes):
    """What stands in the rows of a strip."""
    placed = {(round(t.get_position()[1] - 0.74), t.get_position()[0]): t for t in axes.texts}
    return ["".join(placed[at].get_text() for at in sorted(placed) if at[0] == row) for row, _ in sorted(placed)]


def test_a_passage_is_drawn_as_it_stands_and_readable(small):
    figure = surprise.draw(small, "adding")
    assert "one seed" in figure.get_suptitle()
    strips = [axes for axes in figure.axes if axes.texts]
    assert [axes.get_title(loc="left") for axes in strips] == [
        f"{cell}: 1.25 nats per character in the mean" for cell in ("lstm", "rnn")
    ]
    rows = list(dict.fromkeys(letters(strips[0])))
    assert rows[:4] == ["ANN:↵", "Itcosts$2,or$3—naïve▯.↵", "↵", "BEN:↵"]
    assert all(len(row) <= 74 for row in rows)
    cells = strips[0].images[0].get_array()
    lightness = cells[..., :3].mean(axis=-1)
    for letter in strips[0].texts:
        x, y = letter.get_position()
        light = lightness[int(y), int(x)]
        assert letter.get_color() == ("black" if light > 0.5 else "white"), letter.get_text()
        assert (light < 0.5) == (letter.get_text() in "ABIN$"), letter.get_text()


def test_a_unit_is_told_with_both_correlations(small):
    figure = selective_units.draw(small, "adding")
    titles = [axes.get_title(loc="left").replace("\n", " ") for axes in figure.axes if axes.texts]
    assert titles[0] == "lstm, line position: c[17], r = 0.93 (0.91 on text not used to choose it)"
    assert len(titles) == 4


@pytest.mark.parametrize("colors", [surprise._SHADES, selective_units._SHADES])
def test_shades_are_told_apart_in_grey(colors):
    light = [_text.luminance(np.array(color)) for color in colors(np.linspace(0, 1, 50))]
    assert (np.diff(light) > 0).all() or (np.diff(light) < 0).all()
    assert max(light) > 0.7
    assert min(light) < 0.05


def test_loss_by_context_has_a_panel_for_each_length_and_doubles_along_the_axis(small):
    figure = loss_by_context.draw(small, "adding")
    assert [axes.get_title() for axes in figure.axes] == ["T = 8", "T = 32"]
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    rnn = {line.get_color(): line for line in figure.axes[1].lines}[_style.variant_styles(small)["rnn"].color]
    np.testing.assert_array_equal(rnn.get_xdata(), [1, 2, 4, 8, 16, 32])
    np.testing.assert_allclose(rnn.get_ydata(), 1.5 + 1 / rnn.get_xdata() - 0.3 + MEDIAN)


FIGURE = """
from rnnx.report.figures import _panels
from rnnx.report.figures._panels import Panel

TITLE = "Noise by lag"
CAPTION = "How much of it there is, in <em>one</em> sentence."
ORDER = 1
_PANELS = (Panel("lag k (steps)", "noise", {"": "noise_by_lag/curve"}),)


def draw(study, task):
    drawn = _panels.draw(study, task, "noise", _PANELS)
    return drawn.figure if drawn else None


def draw_trial(record, title, before):
    return _panels.draw_trial(record, title, _PANELS)
"""


def test_a_new_figure_is_one_file(tmp_path, monkeypatch):
    """A file in the folder has its section on the page and its picture, and nothing else needs to know of it."""
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "noise_by_lag.py").write_text(FIGURE)
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path / "figures")])
    curve = {"noise_by_lag/curve": [0.5, 0.25, 0.125]}
    write_trial(tmp_path / "study" / "a", length=3, extra=curve)
    found = study.read(tmp_path / "study")
    assert figures.sections()[0].title == "Noise by lag"
    html = page.render(found, summary.rows(found), page.draw(found), "runs/one")
    assert '<h3 id="noise_by_lag">Noise by lag</h3>' in html
    assert "How much of it there is, in <em>one</em> sentence." in html
    assert "figures/noise_by_lag_adding.png" in html
    assert [picture.tag for picture in figures.pictures("noise_by_lag", curve, "a trial")] == ["noise_by_lag/figure"]
