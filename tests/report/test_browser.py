"""The report and TensorBoard as a browser shows them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnx.logbook import TensorBoard, write_embedding
from rnnx.logbook.layout import layout
from rnnx.report import figures, study, summary
from rnnx.report.figures._style import png
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


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """TensorBoard on what a trial and its analyses leave; its address."""
    logdir = tmp_path_factory.mktemp("logs")
    trial = logdir / "lstm"
    wild = logdir / "diverged"
    trial.mkdir()
    wild.mkdir()
    measured = everything(12)
    settings = {"cell.name": "lstm", "cell.forget_bias": 1.0, "seed": 0}
    study = [settings, settings | {"seed": 1}, {"cell.name": "rnn", "seed": 0}]
    TensorBoard.hparams(trial, settings, study, ["heldout/loss"])
    with TensorBoard(trial, None) as board:
        board.start(settings, layout("lstm", measured))
        for step in (0, 10):
            board.write(step, {"heldout/loss": 0.5, "train/clipped": 0.25, "lyapunov/largest": -0.1})
            for name in ("lyapunov", "truncation_bias"):
                ((_, tag, figure),) = figures.pictures(name, measured[name], name)
                board.image(step, tag, png(figure, dpi=80))
    TensorBoard.hparams(wild, study[2], study, ["heldout/loss"])
    TensorBoard.end(trial, 10, {"heldout/loss": 0.125})
    TensorBoard.end(wild, 7, None)
    with TensorBoard.analysis(trial, "paths") as board:
        ((_, tag, figure),) = figures.pictures("paths", measured["paths"], "paths")
        board.image(10, tag, png(figure, dpi=80))
    moving = np.array(states(12)["trajectories/states"])
    T, B, S = moving.shape
    labels = {"step": np.repeat(range(T), B), "example": np.tile(range(B), T)}
    write_embedding(trial, "states", moving.reshape(-1, S), labels)
    process = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", f"--logdir={logdir}", "--port=0", "--load_fast=false"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    for line in process.stderr:
        if address := re.search(r"http://\S+", line):
            break
    yield address[0].rstrip("/")
    process.kill()
    process.wait()
    process.stderr.close()


@pytest.mark.parametrize(
    ("tab", "words"),
    [
        pytest.param("images", ["lyapunov/figure", "paths/figure", "truncation_bias"], marks=pytest.mark.slow),
        ("custom_scalars", ["All runs: size of the gradient", "steps clipped (share)"]),
        ("projector", ["states", "39x4", "example"]),
        ("hparams", ["Trial ID", "cell.forget_bias", "final/failed", "diverged", "0.12500"]),
    ],
)
def test_tensorboard_shows_it_without_an_error(opened, server, tab, words):
    opened.open(f"{server}/#{tab}")
    for expected in words:
        opened.wait_for(expected)
    assert opened.errors == []
