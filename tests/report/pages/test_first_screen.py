import json
import math

import pytest

from rnnx.report import study, summary
from rnnx.report.pages.first_screen import first_screen
from tests.report.records import write_trial


def screen(workdir):
    found = study.read(workdir)
    return first_screen(found, summary.rows(found))


def values(spec, key):
    """All data of a compiled specification that have a field."""
    return [value for data in spec["data"] for value in data.get("values", []) if key in value]


def after(spec, key, **place):
    place |= {"stage": "after"}
    return [value for value in values(spec, key) if place.items() <= value.items()]


@pytest.fixture
def workdir(tmp_path):
    """With a slope of −1 the reach is 4, with −0.5 nine steps; the others go down to 10^−10 and further."""
    for seed, slope in enumerate((-0.5, -1.0)):
        write_trial(
            tmp_path / f"rnn{seed}", cell="rnn", length=16, seed=seed, slopes=(-3.0, slope), loss=0.1 + seed / 10
        )
    for seed in range(5):
        write_trial(tmp_path / f"gru{seed}", cell="gru", length=16, seed=seed, slopes=(-3.0, -0.4 - 0.2 * seed))
    return tmp_path


def test_the_matrix_has_a_stripe_for_each_seed_and_what_each_cell_says(workdir):
    matrix = screen(workdir).vega["matrix"]
    (rnn,), (gru,) = (after(matrix, "number", network=network) for network in ("rnn", "gru"))
    assert (rnn["number"], rnn["mark"]) == ("4 – 9", "✓ 1 of 2")
    assert rnn["tip"] == "rnn, T = 16: reaches 4 – 9 of 15 steps, 0 of 2 seeds all of them"
    assert (gru["number"], gru["mark"]) == ("5", "✓")  # the median of 11, 7, 5, 4 and 3
    shares = [round(15 * one["share"]) for one in after(matrix, "share", network="rnn")]
    assert shares == [4, 9]
    assert len(after(matrix, "share", network="gru")) == 5
    assert not [one for one in values(matrix, "mark") if one["stage"] == "before" and one["mark"]]


def test_few_seeds_are_lines_and_many_a_median_with_a_range(workdir):
    curves = screen(workdir).vega["curves"]
    assert len(after(curves, "seed", network="rnn")) == 2
    (median,) = after(curves, "seed", network="gru")
    (band,) = after(curves, "low", network="gru")
    lag = band["lag"].index(10)
    assert [round(one[lag] * math.log(10) / 10, 2) for one in (median["y"], band["low"], band["high"])] == [
        -0.8,
        -1.2,
        -0.4,
    ]
    assert not after(curves, "low", network="rnn")


def test_labels_stand_at_the_ends_and_not_on_each_other(workdir):
    labels = after(screen(workdir).vega["curves"], "at")
    rnn, gru = ({one["network"]: one for one in labels}[name] for name in ("rnn", "gru"))
    assert (rnn["lag"], rnn["y"]) == (15, round(-7.5 / math.log(10), 2))
    assert abs(rnn["at"] - gru["at"]) > 0.4  # of the 11 units that 270 pixels have, the 14 of a line


def test_exactly_zero_is_a_gap_and_a_part_against_time_is_not_there(tmp_path):
    curve = [0.0, -1.0, *[-math.inf] * 6]
    write_trial(tmp_path / "rnn", extra={"state_gradient/state/log10_norm": curve})
    write_trial(tmp_path / "gru", cell="gru", extra={"state_gradient/against_time": 1.0})
    made = screen(tmp_path)
    assert [one["y"] for one in after(made.vega["curves"], "seed")] == [[0.0, -1.0, *[None] * 6]]
    assert {one["network"] for one in values(made.vega["matrix"], "number")} == {"rnn"}


def test_it_is_drawn_for_print_too(workdir):
    drawn = screen(workdir).drawn["adding"]
    assert "4 – 9" in drawn["matrix"]
    assert "gru" in drawn["curves"]
    assert all(svg.startswith("<svg") for svg in drawn.values())


def test_without_a_gradient_there_is_none(tmp_path):
    write_trial(tmp_path / "a", measured=0, status="unfinished")
    assert screen(tmp_path) is None


def test_a_long_curve_is_thinned_and_the_whole_is_small(tmp_path):
    write_trial(tmp_path / "a", length=3000)
    made = screen(tmp_path)
    assert len(json.dumps(made.vega)) < 60_000  # 16,000 of it are the specification
    assert after(made.vega["curves"], "seed")[0]["lag"][-1] == 2999


def test_a_gradient_that_is_exactly_zero_everywhere_has_a_place_and_no_curve(workdir):
    zero = {"state_gradient/state/log10_norm": [-math.inf] * 16, "state_gradient/state/reach": math.nan}
    write_trial(workdir / "ngram", cell="lstm", length=16, extra=zero)
    vega = screen(workdir).vega
    assert [place["number"] for place in after(vega["matrix"], "number", network="lstm")] == ["0"]
    assert not after(vega["curves"], "lag", network="lstm")
