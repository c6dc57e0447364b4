"""TensorBoard on a study of more runs than it selects by itself, as a browser shows it."""

import re
import subprocess

import numpy as np
import pytest

from rnnx.logbook import TensorBoard, hparams, read_metrics, write_embedding
from rnnx.report import board, figures, study
from rnnx.report.figures._style import png
from tests.experiments.commands import command
from tests.helpers import browser
from tests.report.measured import everything, states
from tests.report.records import write_trial

pytestmark = [
    pytest.mark.skipif(browser.PATH is None, reason="no Chromium found"),
    pytest.mark.xdist_group("browser"),  # which is started once, and TensorBoard too
]

OLDER = "weight_gradient_by_lag/all/share_older_than_10"

CELLS, LENGTHS, SEEDS = ("rnn", "lstm", "gru"), (8, 12), range(9)
"""54 runs, and 27 of each length; pages select none of more than 40."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    found = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The command on a study, of one trial of which there are analyses; its address."""
    workdir = tmp_path_factory.mktemp("logs")
    measured = everything(12)
    settings = [
        {"cell.name": cell, "task.length": T, "seed": seed} for cell in CELLS for T in LENGTHS for seed in SEEDS
    ]
    columns = hparams.columns(settings)
    for one in settings:
        cell, T, seed = one.values()
        trial = workdir / "adding" / cell / f"T{T}" / f"seed{seed}"
        write_trial(trial, cell=cell, length=T, seed=seed, extra={OLDER: 0.25})
        hparams.write_row(trial, one, columns)
        with TensorBoard(trial, None) as events:
            for record in read_metrics(trial / "metrics.jsonl"):
                events.write(record["step"], {tag: value for tag, value in record.items() if tag != "step"})
        hparams.end(trial, 20, {"heldout/loss": 0.125})
    hparams.end(trial, 7, None)
    board.write(study.read(workdir), workdir, sections=False)
    hparams.write_study(workdir / "_study", columns, ["heldout/loss"])
    with TensorBoard.analysis(trial, "paths") as events:
        for name in ("paths", "truncation_bias"):
            ((_, tag, figure),) = figures.pictures(name, measured[name], name)
            events.image(10, tag, png(figure, dpi=80))
    moving = np.array(states(12)["trajectories/states"])
    T, B, S = moving.shape
    labels = {"step": np.repeat(range(T), B), "example": np.tile(range(B), T)}
    write_embedding(trial, "states", moving.reshape(-1, S), labels)
    process = subprocess.Popen(
        **command("board", str(workdir), "--port=0"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    for line in process.stdout:
        if address := re.match(r"(http://\S+)  adding, T = 12$", line):
            break
    yield address[1].rstrip("/")
    process.kill()
    process.wait()
    process.stdout.close()


FULL = """[...document.querySelectorAll("metrics-pinned-view scalar-card")]
    .filter(card => card.querySelectorAll("tb-data-table-content-row").length == 27).length"""
"""How many of the charts on top have a value of each run of a length."""


@pytest.mark.parametrize(("path", "length", "other"), [("", 12, 8), pytest.param("/1", 8, 12, marks=pytest.mark.slow)])
def test_the_address_alone_shows_the_headline_charts_of_one_length_with_data(opened, server, path, length, other):
    """And so does the one of another length: its number comes after the address."""
    opened.open(f"{server}{path}")
    opened.wait_until(f"{FULL} == 4")
    text = opened.text()
    assert "/reach" in text
    assert f"adding/rnn/T{length}/seed0" in text
    assert "_study" in text
    assert f"adding/rnn/T{other}/seed0" not in text
    assert opened.errors == []


@pytest.mark.parametrize(
    ("tab", "words"),
    [
        ("images", ["all_cells/adding/T12", "all_cells/adding/reach"]),
        pytest.param("scalars&tagFilter=reach", ["reach (steps)", "Largest lag whose"], marks=pytest.mark.slow),
        pytest.param("text", ["54 of 54 trials are done"], marks=pytest.mark.slow),
        ("hparams", ["Trial ID", "length T (steps)", "held-out loss", "failed (0 or 1)", "0.12500"]),
        ("projector", ["states", "39x4", "example"]),
    ],
)
def test_a_page_has_something_to_show_though_there_are_many_runs(opened, server, tab, words):
    opened.open(f"{server}/?x=1#{tab}&regexInput=T12/%7C_study")
    for expected in words:
        opened.wait_for(expected)
    assert opened.errors == []
