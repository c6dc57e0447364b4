"""Two studies told apart: known answers of the statistics, matching of groups, and the page."""

import numpy as np
import pytest
from scipy import stats

from rnnx.report import study
from rnnx.report.comparison import compare
from rnnx.report.pages import comparison
from rnnx.report.statistics import difference, interval
from tests.helpers import browser
from tests.report.pages.test_page import Elements
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
    assert changes == {"cell.name": ("lstm", "gru, lstm"), "cell.forget_bias": ("0, 1", "1")}


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
    assert comparison.seeds(found.rows[0]) == "5, 4 of 5"
    told = Elements(comparison.render(found, [])).text
    assert "Not all trials of runs/b went well" in told
    assert "Not all trials of runs/a" not in told


@pytest.fixture
def different(tmp_path):
    """Two studies of two cells, of which one has become better."""
    rng = np.random.default_rng(3)
    for name, better in (("a", 1.0), ("b", 0.5)):
        for cell, factor in (("rnn", 1.0), ("lstm", better)):
            for length in (8, 16):
                for seed in range(6):
                    where = tmp_path / name / f"{cell}{length}{seed}"
                    slope = -0.2 * factor + 0.02 * rng.standard_normal()
                    loss = factor * (0.1 + 0.01 * rng.standard_normal())
                    write_trial(where, cell=cell, length=length, seed=seed, slopes=(-0.5, slope), loss=loss)
    return tmp_path


def test_sentences_say_where_it_is_more_than_noise_and_how_much_chance_would_find(different):
    told = comparison.sentences(compared(different))
    assert "Held-out loss: lower in runs/b for adding, lstm at T = 8, 16; not distinguishable for 2 of 4." in told
    assert told[0].startswith("8 of 16 differences can be told from seed noise")
    assert "up to 0.8 would by chance alone" in told[0]
    assert "Decay rate before training: same for 4 of 4." in told


def test_seeds_that_failed_have_not_reached_memory_and_rounding_is_no_difference(tmp_path):
    for name, failed in (("a", ()), ("b", (0, 1))):
        for cell in ("gru", "rnn"):
            for seed in range(6):
                bad = cell == "gru" and seed in failed
                ends = {"status": "failed", "measured": 2 - seed} if bad else {}
                slope = -0.5 + (name == "b") * 5e-8
                where = tmp_path / name / f"{cell}{seed}"
                write_trial(
                    where, cell=cell, seed=seed, floor=1.0, slopes=(slope, -0.25), loss=0.1 + seed / 100, **ends
                )
    found = compared(tmp_path)
    rows = {(row.metric.name, row.group.variant): row.difference.verdict for row in found.rows}
    assert rows["decay rate before training", "gru"] == "equal within rounding"
    told = comparison.sentences(found)
    # Two decay rates before training, and of the gru four numbers that every seed has alike: those that have one.
    assert "6 differences are no larger than the rounding of float32 can make them." in told
    assert (
        "A held-out loss a tenth or more below that of a predictor without memory is reached with every seed of both "
        "in 1 of 2 groups, with none in 0; adding, gru at T = 8: 6 of 6 seeds in runs/a, 4 of 6 seeds in runs/b."
    ) in told
    (loss,) = [sentence for sentence in told if sentence.startswith("Held-out loss:")]
    assert loss.endswith("Trials that have no such number are left out: 1 of runs/b.")
    assert "decay_rate_before_training" not in {figure.section for figure in comparison.draw(found)}


def test_speed_is_told_without_a_verdict(different):
    for name, speed in (("a", 100), ("b", 150)):
        for directory in (different / name).iterdir():
            line = f'{{"step": 20, "width": 2, "performance/steps_per_second": {speed}.0}}\n'
            (directory / "performance.jsonl").write_text('{"step": 10, "performance/steps_per_second": NaN}\n' + line)
    (told,) = [sentence for sentence in comparison.sentences(compared(different)) if "per second" in sentence]
    assert told.startswith("runs/b made 1.50 times as many training steps per second, over groups from 1.50 to 1.50.")


def test_the_page_needs_no_other_file_and_hostile_names_stay_text(different):
    hostile = "<script>alert(1)</script>"
    for seed in range(2):
        write_trial(different / "a" / f"x{seed}", cell="gru", seed=seed, settings={"cell.activation": hostile})
        write_trial(different / "b" / f"x{seed}", cell="gru", seed=seed, settings={"cell.activation": hostile * 2})
    found = compared(different)
    html = comparison.render(found, comparison.draw(found))
    elements = Elements(html).found
    assert not [tag for tag, _ in elements if tag in ("script", "link", "iframe")]
    assert "https://" not in html
    assert hostile in Elements(html).text
    loaded = [given["src"] for tag, given in elements if tag == "img"]
    same = {"decay rate before training", "reach before training", "reach after training", "horizon before training"}
    assert len(loaded) == len({metric.name for metric in found.metrics} - same) == 4
    assert all(source.startswith("data:image/png;base64,") for source in loaded)


def test_studies_with_nothing_in_common_say_so(tmp_path):
    write_trial(tmp_path / "a" / "0", cell="rnn")
    write_trial(tmp_path / "b" / "0", cell="gru")
    assert "no group of trials in common" in Elements(comparison.render(compared(tmp_path), [])).text


@pytest.mark.skipif(browser.PATH is None, reason="no Chromium found")
def test_a_browser_shows_it_without_an_error(different, tmp_path_factory):
    found = compared(different)
    page = different / "compare.html"
    page.write_text(comparison.render(found, comparison.draw(found)), encoding="utf-8")
    opened = browser.Browser(tmp_path_factory.mktemp("profile"))
    try:
        opened.open(page.as_uri())
        opened.wait_for("What came out differently")
        assert opened.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 500)")
        assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert opened.errors == []
    finally:
        opened.close()
