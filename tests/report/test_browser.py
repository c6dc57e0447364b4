"""The report as a browser shows it."""

import re
from pathlib import Path

import pytest

from rnnx.report import study, summary
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


def test_the_report_loads_without_an_error_and_every_picture_is_drawn(opened, tmp_path):
    workdir = tmp_path / "study"
    for cell in ("rnn", "lstm"):
        extra = flat(everything(12)) | {"train/gradient_norm": 0.5}
        write_trial(
            workdir / cell, cell=cell, length=12, parts=("h", "c"), extra=extra, analysis={"trajectories": states(12)}
        )
    read = study.read(workdir)
    drawn = page.draw(read)
    report = workdir / "report" / "index.html"
    report.parent.mkdir()
    report.write_text(page.render(read, summary.rows(read), drawn, "runs/study"), encoding="utf-8")
    (report.parent / "figures").mkdir()
    for figure in drawn:
        (report.parent / "figures" / figure.name).write_bytes(figure.png)

    opened.open(report.as_uri())
    opened.wait_for("All measurements")
    assert opened.evaluate("document.images.length") == len(drawn) > 12
    assert opened.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 500)")
    # Nothing but the tables and figures, which move by themselves, is wider than the window.
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    links = opened.evaluate("[...document.links].map(link => link.href)")
    assert all(Path(re.sub(r"^file://|#.*$", "", link)).exists() for link in links)
    assert opened.errors == []
