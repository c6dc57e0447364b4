"""The report as a browser shows it."""

import re
from pathlib import Path

import pytest

from rnnx.report import figures, study, summary
from rnnx.report.pages import page
from tests.helpers import browser
from tests.report.measured import everything, flat, states
from tests.report.records import write_trial

pytestmark = [
    pytest.mark.skipif(browser.PATH is None, reason="no Chromium found"),
    pytest.mark.xdist_group("browser"),  # which is started once, and TensorBoard too
]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    found = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


def written(workdir, some=None):
    """The report of a study of two tasks and two lengths; with figures of some sections, or of all."""
    for cell, slope in (("rnn", -1.0), ("lstm", -0.1)):
        for task, length in (("adding", 6), ("adding", 12), ("copy_memory", 12)):
            extra = flat(everything(length)) | {"train/gradient_norm": 0.5} if length == 12 and task == "adding" else {}
            analysis = {"trajectories": states(length)} if extra else None
            write_trial(
                workdir / task / f"{cell}{length}",
                cell=cell,
                task=task,
                length=length,
                slopes=(-2.5, slope),
                parts=("h", "c"),
                extra=extra,
                analysis=analysis,
            )
    read = study.read(workdir)
    sections = figures.sections()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page.figures, "sections", lambda: [one for one in sections if not some or one.name in some])
        drawn = page.draw(read)
        html = page.render(read, summary.rows(read), drawn, "runs/study")
    report = workdir / "report" / "index.html"
    (report.parent / "figures").mkdir(parents=True)
    report.write_text(html, encoding="utf-8")
    for figure in drawn:
        (report.parent / "figures" / figure.name).write_bytes(figure.png)
    return report


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return written(tmp_path_factory.mktemp("reported") / "study", ("loss", "lyapunov"))


MATRIX = (
    "[...document.querySelectorAll('#matrix .role-mark.mark-text text')].map(text => text.textContent).filter(Boolean)"
)
CURVES = "[...document.querySelectorAll('#curves .mark-line path')].map(path => path.getAttribute('d')).join()"


def click(opened, selector):
    opened.evaluate(f"document.querySelector({selector!r}).click()")


def test_the_first_screen_shows_data_and_a_click_changes_it(opened, report):
    opened.open(report.as_uri())
    opened.wait_until(f"{MATRIX}.includes('11') && {CURVES}.length > 10")
    # With a slope of −1 the reach is 4 of 11 steps, with −0.1 all of them.
    assert sorted(set(opened.evaluate(MATRIX))) == ["11", "4", "5", "✓"]
    long = opened.evaluate(CURVES)
    # A click on the cell of the shorter length, where the mouse would: in the middle of the number.
    numbers = "[...document.querySelectorAll('#matrix .role-mark.mark-text text')]"
    place = opened.evaluate(
        f"(box => [box.x + box.width / 2, box.y + box.height / 2])"
        f"({numbers}.find(text => text.textContent == '5').getBoundingClientRect())"
    )
    opened.click(*place)
    opened.wait_until(f"{CURVES} != {long!r}")
    assert opened.evaluate("document.querySelector('.lengths [aria-pressed=true]').textContent") == "T = 6"
    click(opened, "input[value=before]")
    opened.wait_until(f"[...new Set({MATRIX})].join() == '1'")  # ln 0.01 over −2.5 is less than 2
    click(opened, "input[value=copy_memory]")
    opened.wait_until("document.querySelectorAll('.lengths button').length == 1")
    parts = "[...document.querySelectorAll('[data-task]:not(.verdict)')]"
    shown = f"{parts}.filter(e => e.offsetParent).map(e => e.dataset.task)"
    assert set(opened.evaluate(shown)) == {"copy_memory"}
    assert opened.errors == []
    assert opened.evaluate("performance.getEntriesByType('resource').length") == 0  # nothing but the page is loaded


def test_a_table_is_sorted_by_a_click(opened, report):
    opened.open(report.as_uri())
    opened.wait_until("!!document.querySelector('.lengths button')")
    column = (
        "[...document.querySelector('table.sortable').tBodies[0].rows].map(row => Number(row.cells[1].textContent))"
    )
    assert opened.evaluate(column) == [6, 6, 12, 12]
    click(opened, "table.sortable th:nth-child(2)")
    click(opened, "table.sortable th:nth-child(2)")
    assert opened.evaluate(column) == [12, 12, 6, 6]
    assert opened.evaluate("document.querySelector('table.sortable th:nth-child(2)').ariaSort") == "descending"


def test_where_there_is_room_both_tasks_are_told_of_and_else_the_one_that_is_chosen(opened, report):
    opened.open(report.as_uri())
    told = "[...document.querySelectorAll('.verdict')].filter(e => e.offsetParent).map(e => e.dataset.task)"
    opened.wait_until("!!document.querySelector('.lengths button')")
    assert opened.evaluate(told) == ["adding", "copy_memory"]
    opened.resize(420)
    assert opened.evaluate(told) == ["adding"]
    click(opened, "input[value=copy_memory]")
    assert opened.evaluate(told) == ["copy_memory"]
    opened.resize(1400)


def test_on_a_narrow_screen_figures_unfold_and_nothing_is_wider(opened, report):
    opened.resize(420)
    opened.open(report.as_uri())
    opened.wait_until("document.querySelectorAll('.columns > svg').length > 0")
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert opened.evaluate("document.querySelector('.columns > svg').getBoundingClientRect().width > 250")
    opened.resize(1400)
    assert opened.errors == []


@pytest.mark.slow
def test_the_report_loads_without_an_error_and_every_figure_is_drawn(opened, tmp_path):
    report = written(tmp_path / "study")
    opened.open(report.as_uri())
    opened.wait_for("All measurements")
    opened.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    seen = "[...document.querySelectorAll('.drawn .wide > svg')].filter(svg => svg.getBoundingClientRect().width > 500)"
    assert opened.evaluate(f"{seen}.length") > 12
    # Nothing but the tables and figures, which move by themselves, is wider than the window.
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    links = opened.evaluate("[...document.links].map(link => link.href)")
    assert all(Path(re.sub(r"^file://|#.*$", "", link)).exists() for link in links)
    assert opened.errors == []
