"""What a comparison says, and its page: what moved first, the rest folded, on a wide screen and on a narrow one."""

import re

import numpy as np
import pytest

from rnnx.report import study
from rnnx.report.comparison import compare
from rnnx.report.pages import comparison
from tests.helpers import browser
from tests.report.pages.test_page import Elements
from tests.report.records import write_trial


def compared(tmp_path, names=("a", "b")):
    return compare(study.read(tmp_path / "a"), study.read(tmp_path / "b"), names)


def write_studies(tmp_path, seeds, *, better=1.0, cells=("rnn", "lstm"), lengths=(8, 16), noise=0.01):
    """Two studies; the LSTM of the second has `better` times the loss. The noise of a seed is its own."""
    rng = np.random.default_rng(3)
    for name, factor in (("a", 1.0), ("b", better)):
        for cell in cells:
            for length in lengths:
                for seed in range(seeds):
                    loss = (factor if cell == "lstm" else 1.0) * (0.1 + noise * rng.standard_normal())
                    write_trial(
                        tmp_path / name / f"{cell}{length}{seed}", cell=cell, length=length, seed=seed, loss=loss
                    )


@pytest.fixture
def different(tmp_path):
    """Six seeds each, of which the LSTM has become better."""
    write_studies(tmp_path, 6, better=0.5)
    return tmp_path


def words(html):
    """The text of a page as it is read."""
    return " ".join(Elements(html).text.split())


def rows_of(html):
    """What each row says that is told before anything is opened, in order."""
    unfolded = re.sub(r"<details>.*?</details>", "", html, flags=re.DOTALL)
    return [words(row) for row in re.findall(r"<li>\n<div>.*?</li>", unfolded, re.DOTALL)]


def test_the_page_begins_with_what_moved_and_folds_the_rest(different):
    found = compared(different)
    html = comparison.render(found)
    moved = rows_of(html)
    assert len(moved) == 2
    for row in moved:
        assert re.match(r"Held-out loss adding, lstm, T = (8|16) ", row)
        assert "mean squared error" in row
        assert re.search(
            r"0\.[\d]+ → 0\.0[\d]+ by −0\.0[\d]+ \(−0\.[\d]+ … −0\.0[\d]+\) [\d.]+ × seed noise, 6 pairs$", row
        )
    assert html.index("What moved") < html.index("<details>")
    text = words(html)
    assert "2 of 4 differences can be told from seed noise (by chance alone up to 0.2); " in text
    assert "Not told from seed noise: 2 " in text
    assert "The same at every seed, to the last digit: 20" in text
    assert "adding, rnn at T = 8, 16" in text


def test_the_rows_that_are_told_are_few(tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "SHOWN", 1)
    write_studies(tmp_path, 6, better=0.5)
    html = comparison.render(compared(tmp_path))
    assert len(rows_of(html)) == 1
    assert "More that moved, less far beyond seed noise: 1" in Elements(html).text


def test_a_strip_lays_out_values_in_percent_of_its_own_scale(tmp_path):
    for name, losses in (("a", (3.0, 4.0, 5.0)), ("b", (1.0, 2.0, 3.0))):
        for seed, loss in enumerate(losses):
            write_trial(tmp_path / name / str(seed), seed=seed, loss=loss)
    (row,) = (row for row in compared(tmp_path).rows if row.metric.name == "held-out loss")
    strip = comparison.strip(row)
    assert strip.medians == (75.0, 25.0)
    assert strip.seeds == ([50.0, 75.0, 100.0], [0.0, 25.0, 50.0])
    assert strip.bar is None
    assert strip.ends == ("1.00", "5.00")


def test_the_bar_of_a_strip_is_the_interval_and_leaves_out_the_first_median_where_that_moved(different):
    (row, _) = compared(different).moved
    strip = comparison.strip(row)
    low, high = strip.bar
    assert 0 <= low <= strip.medians[1] <= high < strip.medians[0] <= 100


def test_identical_studies_make_a_page_that_says_so(tmp_path):
    write_studies(tmp_path, 5, noise=0.0)
    found = compared(tmp_path)
    assert comparison.headline(found) == (
        "Nothing moved: all 24 numbers in 4 groups of trials are the same at every seed, to the last digit."
    )
    html = comparison.render(found)
    assert rows_of(html) == []
    assert "What moved" not in html
    # The groups are told once for all metrics, which have the same ones.
    assert Elements(html).text.count("adding, rnn at T\u00a0=\u00a08, 16") == 1
    assert comparison.few(found) == ""
    assert comparison.notes(found) == []


def test_too_few_seeds_are_said_once_and_shifts_are_described_without_a_judgement(tmp_path):
    write_studies(tmp_path, 2, better=0.1)
    found = compared(tmp_path)
    assert comparison.few(found) == (
        "Not judged: 4 differences, of 2 seeds in a and 2 in b. It takes 4 in each; with fewer, chance alone too often "
        "sets all seeds of one study above all of the other, as they lie in 2 of these. The largest shifts:"
    )
    html = comparison.render(found)
    text = Elements(html).text
    assert text.count("It takes 4 in each") == 1
    first, second, *_ = rows_of(html)
    assert all("adding, lstm, T = " in row for row in (first, second))
    assert not re.search("seed noise|higher|lower", " ".join(rows_of(html)))
    assert 'class="bar"' not in html
    assert comparison.headline(found) == (
        "Of 24 numbers in 4 groups of trials: 4 have too few seeds to be judged; "
        "20 the same at every seed, to the last digit."
    )


def test_rounding_is_no_difference_and_failed_seeds_have_not_come_to_memory(tmp_path):
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
    assert "equal within the rounding of float32" in comparison.headline(found)
    assert comparison.notes(found) == [
        "Another share of the seeds comes to a held-out loss a tenth or more below that of a predictor without memory "
        "in 1 of 2 groups: adding, gru at T = 8 (6 of 6 → 4 of 6 seeds).",
        "Trials that have no finite number are left out: 1 of b.",
    ]
    text = Elements(comparison.render(found)).text
    assert "Not all trials of b went well" in text
    assert "Not all trials of a " not in text
    (loss,) = (r for r in found.rows if (r.metric.name, r.group.variant) == ("held-out loss", "gru"))
    assert comparison.seeds(loss) == "6, 5 of 6"


def test_speed_is_told_without_a_verdict(different):
    def told(of_rnn):
        for name, speed in (("a", 100), ("b", 150)):
            for directory in (different / name).iterdir():
                factor = of_rnn if name == "b" and directory.name.startswith("rnn") else 1
                line = f'{{"step": 20, "width": 2, "performance/steps_per_second": {speed * factor}}}\n'
                before = '{"step": 10, "performance/steps_per_second": NaN}\n'
                (directory / "performance.jsonl").write_text(before + line)
        (sentence,) = [note for note in comparison.notes(compared(different)) if "per second" in note]
        return sentence

    assert told(1.0).startswith("b made 1.50 times as many training steps per second: that is of the machine")
    assert told(2.0).startswith("b made 2.25 times as many training steps per second (1.50 to 3.00 over groups): ")


def test_where_nothing_moved_chance_is_not_spoken_of(tmp_path):
    write_studies(tmp_path, 4)
    assert comparison.headline(compared(tmp_path)).startswith(
        "Of 24 numbers in 4 groups of trials: none of 4 differences can be told from seed noise; 20 the same at every"
    )


def test_groups_of_one_study_only_are_counted_and_folded(different):
    for seed in range(2):
        for length in (8, 16):
            write_trial(different / "b" / f"x{length}{seed}", cell="gru", length=length, seed=seed)
    html = comparison.render(compared(different))
    assert "Groups of trials that only b has: 2" in Elements(html).text
    folds = re.findall(r"<details>.*?</details>", html, flags=re.DOTALL)
    (fold,) = (fold for fold in folds if "only b has" in fold)
    assert "adding, gru at T\u00a0=\u00a08, 16" in Elements(fold).text


def test_the_page_needs_no_other_file_and_hostile_names_stay_text(different):
    hostile = "<script>alert(1)</script>"
    for seed in range(2):
        write_trial(different / "a" / f"x{seed}", cell="gru", seed=seed, settings={"cell.activation": hostile})
        write_trial(different / "b" / f"x{seed}", cell="gru", seed=seed, settings={"cell.activation": hostile * 2})
    html = comparison.render(compared(different, (hostile, "b")))
    elements = Elements(html).found
    assert not [tag for tag, _ in elements if tag in ("script", "link", "iframe", "img")]
    assert "http" not in html
    assert hostile in Elements(html).text


def test_studies_with_nothing_in_common_say_so(tmp_path):
    write_trial(tmp_path / "a" / "0", cell="rnn")
    write_trial(tmp_path / "b" / "0", cell="gru")
    html = comparison.render(compared(tmp_path))
    assert "no group of trials in common" in Elements(html).text
    assert "cell.name rnn → gru" in words(html)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    found = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.mark.skipif(browser.PATH is None, reason="no Chromium found")
@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("width", [1400, 420])
def test_a_browser_shows_every_row_whole_on_a_wide_and_on_a_narrow_screen(opened, different, width):
    page = different / "compare.html"
    page.write_text(comparison.render(compared(different, ("a" * 40, "b" * 40))), encoding="utf-8")
    opened.resize(width, 900)
    opened.open(page.as_uri())
    opened.wait_for("What moved")
    assert opened.evaluate("innerWidth") == width
    opened.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    inside = "[...document.querySelectorAll('.moves *')].every(x => x.getBoundingClientRect().right <= innerWidth + 1)"
    assert opened.evaluate(inside)
    # A strip is wide enough to be read, and has every seed.
    drawn = "[s.getBoundingClientRect().width, s.querySelectorAll('.seed').length]"
    strips = opened.evaluate(f"[...document.querySelectorAll('.moves svg')].map(s => {drawn})")
    assert len(strips) == 4
    assert all(wide > 250 and seeds == 12 for wide, seeds in strips)
    assert opened.errors == []


@pytest.mark.skipif(browser.PATH is None, reason="no Chromium found")
@pytest.mark.xdist_group("browser")
def test_identical_studies_fit_one_screen(opened, tmp_path):
    write_studies(tmp_path, 2, noise=0.0, cells=("rnn", "lstm", "gru"))
    page = tmp_path / "compare.html"
    page.write_text(comparison.render(compared(tmp_path)), encoding="utf-8")
    opened.resize(1400, 900)
    opened.open(page.as_uri())
    opened.wait_for("Nothing moved")
    assert opened.evaluate("document.documentElement.scrollHeight <= innerHeight")
