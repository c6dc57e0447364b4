"""Two studies told apart: known answers of the statistics, matching of groups, and the order of what moved."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from rnnx.report import study
from rnnx.report.comparison import compare, short_names
from rnnx.report.statistics import Difference, difference, interval
from tests.report.records import write_trial

NAMES = ("runs/a", "runs/b")


def by_seed(values):
    return dict(enumerate(values))


def verdicts(one, other):
    return [difference(by_seed(a), by_seed(b)).verdict for a, b in zip(one, other, strict=True)]


@pytest.mark.parametrize(
    ("draw", "one", "other", "shared"),
    [("normal", 4, 4, 0), ("lognormal", 5, 9, 0), ("bimodal", 6, 6, 0), ("lognormal", 8, 8, 3)],
)
def test_without_a_difference_the_interval_holds_zero_at_least_as_often_as_it_says(draw, one, other, shared):
    """200 pairs of studies of one distribution; `shared` is how much is common to both trials of a seed.

    A count with a rate of 95 % has a standard deviation of 1.5 %, of which one and a half are allowed.
    """
    rng = np.random.default_rng(0)
    kinds = {
        "normal": rng.standard_normal,
        "lognormal": lambda size: np.exp(rng.standard_normal(size)),
        "bimodal": lambda size: (rng.random(size) < 0.5) + 0.02 * rng.standard_normal(size),  # solved, or not
    }
    common = shared * rng.standard_normal((200, one)) if shared else np.zeros((200, 1))
    found = verdicts(common + kinds[draw]((200, one)), common + kinds[draw]((200, other)))
    assert 0.927 <= found.count("not distinguishable") / 200 < 1


@pytest.mark.parametrize("seeds", [4, 6, 10])
def test_a_shift_of_four_standard_deviations_is_found_and_its_direction_told(seeds):
    rng = np.random.default_rng(1)
    one, other = rng.standard_normal((40, seeds)), rng.standard_normal((40, seeds))
    assert verdicts(one, other + 4).count("higher") >= 36
    assert verdicts(one, other - 4).count("lower") >= 36


def test_pairs_find_what_all_seeds_beside_each_other_can_not():
    """Seeds differ by ten times what the studies differ by, in the same way in both."""
    rng = np.random.default_rng(2)
    common = 10 * rng.standard_normal((40, 8))
    one, other = common + 0.3 * rng.standard_normal((40, 8)), common + 1 + 0.3 * rng.standard_normal((40, 8))
    assert verdicts(one, other).count("higher") >= 38
    apart = [difference(by_seed(a), dict(enumerate(b, start=8))) for a, b in zip(one, other, strict=True)]
    assert [found.verdict for found in apart].count("higher") <= 2


def test_the_paired_interval_is_the_closed_form():
    """The median of 2m + 1 resampled differences is at most x_(k) if more than m draws are among the k lowest."""
    for values, ends in (
        (np.array([-0.7, -0.1, 0.2, 0.5, 1.1, 1.9, 4.0]), (-0.7, 4.0)),
        (np.array([-0.7, -0.1, 0.2, 0.3, 0.5, 0.6, 0.8, 1.1, 1.9, 2.5, 4.0]), (0.2, 1.9)),
    ):
        n = len(values)
        tail = stats.norm.cdf(np.sqrt(n / (n - 1)) * stats.t.ppf(0.025, n - 1))
        at_most = stats.binom.sf(n // 2, n, np.arange(1, n + 1) / n)
        low, high = values[np.argmax(at_most >= tail)], values[np.argmax(at_most >= 1 - tail)]
        found = difference(dict.fromkeys(range(n), 0.0), by_seed(values))
        assert found.value == np.median(values)
        assert (found.low, found.high) == (low, high) == ends


def test_a_change_of_unit_or_of_sides_changes_nothing_else():
    one, other = [1.0, 1.5, 2.5, 4.0, 4.5], [2.0, 3.0, 6.0, 7.0]
    low, high = interval(one, other)
    assert interval([10 * x + 1 for x in one], [10 * x + 1 for x in other]) == pytest.approx((10 * low, 10 * high))
    other_way = difference(by_seed(other), by_seed(one))
    assert other_way.value == -difference(by_seed(one), by_seed(other)).value
    assert interval(other, one) == pytest.approx((-high, -low), abs=0.6)  # other draws


@pytest.mark.parametrize(
    ("one", "other", "verdict", "chance"),
    [
        ([1.0], [2.0], "too few seeds", 1.0),
        ([1.0, 1.1, 1.2], [2.0, 2.1, 2.2], "too few seeds", 0.1),
        ([1.0, 1.1, 1.2], [2.0] * 40, "too few seeds", 2 / 12341),
        ([1.0, 1.1, 1.2, 1.3], [2.0, 2.1, 2.2, 2.3], "higher", 2 / 70),
        ([1.0, 1.1, 1.2, 1.3], [0.0, 0.0, 0.0, 0.0], "lower", 2 / 70),
        ([1.0] * 6, [2.0] * 6, "higher", 2 / 64),
        ([1.0, 2.0], [1.0, 2.0], "same", 1 / 3),
    ],
)
def test_what_few_seeds_can_say(one, other, verdict, chance):
    found = difference(by_seed(one), by_seed(other))
    assert found.verdict == verdict
    assert found.chance == pytest.approx(chance)


def test_a_difference_that_rounding_can_make_is_none():
    one = by_seed([0.5, 0.7, 0.6, 0.4, 0.3, 0.2])
    other = {seed: value + 1e-8 for seed, value in one.items()}
    assert difference(one, other).verdict == "higher"
    assert difference(one, other, rounding=2e-8).verdict == "equal within rounding"
    few = ({0: 0.5}, {0: 0.5 + 1e-8})
    assert difference(*few, rounding=2e-8).verdict == "equal within rounding"
    constant = (dict.fromkeys(range(4), 0.5), dict.fromkeys(range(4, 9), 0.5 + 1e-8))
    assert [difference(*constant, rounding=error).verdict for error in (2e-8, 5e-9)] == [
        "equal within rounding",
        "higher",
    ]
    # The median of the differences is none, those of single seeds are.
    assert difference(one, one | {0: 3.0}, rounding=2e-8).verdict == "not distinguishable"


def compared(tmp_path):
    return compare(study.read(tmp_path / "a"), study.read(tmp_path / "b"), NAMES)


def test_groups_are_matched_by_what_varies_in_either_study(tmp_path):
    """The LSTM of a study of one forget bias is that with this bias of a study of two."""
    for seed in range(4):
        for bias in (0.0, 1.0):
            settings = {"cell.forget_bias": bias}
            write_trial(tmp_path / "a" / f"{bias}{seed}", cell="lstm", seed=seed, settings=settings, loss=bias)
        write_trial(tmp_path / "b" / f"{seed}", cell="lstm", seed=seed, settings={"cell.forget_bias": 1.0}, loss=3.0)
        write_trial(tmp_path / "b" / f"gru{seed}", cell="gru", seed=seed)
    found = compared(tmp_path)
    assert {row.group.variant for row in found.rows} == {"lstm (forget bias 1)"}
    loss = found.rows[0]
    assert loss.metric.name == "held-out loss"
    assert loss.values == (dict.fromkeys(range(4), 1.0), dict.fromkeys(range(4), 3.0))
    assert loss.difference.value == 2.0
    assert [[group.variant for group in groups] for groups in found.alone] == [["lstm (forget bias 0)"], ["gru"]]
    changes = {change.name: change.values for change in found.settings}
    assert changes == {}  # of what is compared, which is one cell with one bias


def test_settings_that_differ_as_a_whole_do_not_keep_groups_apart(tmp_path):
    for name, rate in (("a", 0.01), ("b", 0.001)):
        for seed in range(4):
            where = tmp_path / name / str(seed)
            write_trial(where, seed=seed, settings={"learning_rate": rate}, slopes=(-0.5, -rate), loss=rate + seed)
    (tmp_path / "b" / "0" / "config.json").write_text(
        (tmp_path / "b" / "0" / "config.json").read_text().replace('"rnnx": "0.1.0"', '"rnnx": "0.2.0"')
    )
    found = compared(tmp_path)
    assert [(change.name, change.values) for change in found.settings] == [("learning_rate", ("0.01", "0.001"))]
    assert ("versions.rnnx", ("0.1.0", "0.1.0, 0.2.0")) in found.origins
    rows = {row.metric.name: row.difference for row in found.rows}
    assert rows["decay rate before training"].verdict == "same"
    assert rows["decay rate after training"].verdict == "higher"
    assert rows["decay rate after training"].value == pytest.approx(0.009)
    assert rows["held-out loss"].verdict == "not distinguishable"


def test_a_trial_without_the_number_is_left_out_and_counted(tmp_path):
    for name in ("a", "b"):
        for seed in range(5):
            bad = name == "b" and seed == 2
            loss = float("nan") if bad else 1.0
            write_trial(tmp_path / name / str(seed), seed=seed, loss=loss, status="failed" if bad else "done")
    found = compared(tmp_path)
    assert list(found.rows[0].values[1]) == [0, 1, 3, 4]
    assert found.without == (0, 1)


def test_what_moved_is_sorted_by_how_far_it_is_beyond_seed_noise(tmp_path):
    """Seeds spread by the same in all cells, which move by 1, 3 and 2: and one that doesn't."""
    for name, moves in (("a", {}), ("b", {"rnn": 1.0, "lstm": 3.0, "gru": -2.0})):
        for cell in ("rnn", "lstm", "gru", "mingru"):
            for seed in range(5):
                loss = 5 + seed / 10 + moves.get(cell, 0.0)
                write_trial(tmp_path / name / f"{cell}{seed}", cell=cell, seed=seed, loss=loss)
    found = compared(tmp_path)
    assert [(row.metric.name, row.group.variant) for row in found.moved] == [
        ("held-out loss", cell) for cell in ("lstm", "gru", "rnn")
    ]
    lstm, gru, rnn = (row.beyond for row in found.moved)
    # The interval is as wide for each of them, for resampling draws the same seeds.
    assert (lstm / rnn, gru / rnn) == pytest.approx((3, 2), rel=0.15)  # its two ends are not quite as far away
    assert rnn > 1
    assert {row.group.variant for row in found.rows_with("same") if row.metric.name == "held-out loss"} == {"mingru"}


@pytest.mark.parametrize(
    ("ends", "beyond"),
    [((6.0, 4.0, 9.0), 3.0), ((-6.0, -9.0, -4.0), 3.0), ((1.0, -1.0, 5.0), 0.5), ((2.0, 2.0, 3.0), np.inf)],
)
def test_seed_noise_is_how_far_the_interval_reaches_towards_zero(tmp_path, ends, beyond):
    for name in "ab":
        write_trial(tmp_path / name / "0")
    row = compared(tmp_path).rows[0]
    assert row._replace(difference=Difference(*ends, False, 0.0, False, False, 0.0)).beyond == beyond


def test_what_no_seed_makes_noise_of_comes_first(tmp_path):
    for name, moves in (("a", (0.0, 0.0)), ("b", (0.01, 5.0))):
        for cell, move, spread in (("rnn", moves[0], 0.0), ("gru", moves[1], 0.1)):
            for seed in range(4):
                write_trial(tmp_path / name / f"{cell}{seed}", cell=cell, seed=seed, loss=1 + spread * seed + move)
    first, second = compared(tmp_path).moved
    assert (first.group.variant, first.beyond) == ("rnn", np.inf)
    assert (second.group.variant, second.relative) == ("gru", pytest.approx(5 / 6.15))


def test_with_too_few_seeds_those_apart_come_first_and_then_the_larger_share(tmp_path):
    losses = {"rnn": ((1.0, 1.1), (1.2, 1.3)), "gru": ((1.0, 9.0), (8.0, 11.0)), "lstm": ((10.0, 11.0), (20.0, 21.0))}
    for cell, studies in losses.items():
        for name, of_study in zip("ab", studies, strict=True):
            for seed, loss in enumerate(of_study):
                write_trial(tmp_path / name / f"{cell}{seed}", cell=cell, seed=seed, loss=loss)
    found = compared(tmp_path)
    assert [row.group.variant for row in found.unjudged] == ["lstm", "rnn", "gru"]
    assert [row.apart for row in found.unjudged] == [True, True, False]
    assert not found.moved


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        ("runs/before", "/elsewhere/after", ("before", "after")),
        ("old/runs/flow", "new/runs/flow", ("old/runs/flow", "new/runs/flow")),
        ("/data/flow", "/data/flow/flow", ("data/flow", "flow/flow")),
        ("runs/a/../b", "runs/a/", ("b", "a")),
        ("/", "/a", ("/", "a")),
    ],
)
def test_studies_are_called_by_the_last_folders_that_tell_them_apart(one, other, names):
    assert short_names(Path(one), Path(other)) == names


def test_horizon_is_left_to_the_reports_of_the_studies(tmp_path):
    """Reach says the same of the same curve, and more."""
    for name in "ab":
        write_trial(tmp_path / name / "0")
    names = {row.metric.name for row in compared(tmp_path).rows}
    assert {"reach before training", "reach after training"} <= names
    assert not [name for name in names if "horizon" in name]
