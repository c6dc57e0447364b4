"""Tags agree in the record, in TensorBoard, in its layout and in the documentation."""

import re
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments import config
from experiments.trials import loop, recorder, trial
from rnnx.logbook import read_metrics
from rnnx.logbook.layout import layout
from tests.experiments import study_small
from tests.helpers import hparams
from tests.variants import CELLS

KINDS = ("rnn", "lstm")
"""Without gates, and with some and a state of two parts."""

DIAGNOSTICS = config.default().diagnostics
DOCUMENT = Path(__file__).parents[3] / "docs" / "measurements.md"

pytestmark = pytest.mark.xdist_group("tags")  # its trials are made once


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(KINDS, id="one of each kind"),
        pytest.param(CELLS, id="all", marks=pytest.mark.slow),
    ],
)
def finished(request, tmp_path_factory):
    """A trial of each cell with all that is measured by default, by cell."""
    done = {}
    for name in request.param:
        given = study_small.get_config()
        given.cell.name, given.diagnostics = name, DIAGNOSTICS
        given.steps = 10
        done[name] = run(name, given, tmp_path_factory.mktemp(name))
    return done


def run(name, given, directory):
    loop.run(trial.TrialGroup((trial.Trial(name, config.parse(given), directory),), 1), lambda news: None)
    return directory


def in_record(directory):
    return {tag for recorder in read_metrics(directory / "metrics.jsonl") for tag in recorder} - {"step"}


def in_tensorboard(directory):
    tags = EventAccumulator(str(directory)).Reload().Tags()
    return {kind: set(tags[kind]) for kind in ("scalars", "histograms", "images")}


def test_every_tag_is_documented(finished):
    rows = [line.split("|")[1] for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    documented = [re.compile(re.sub(r"<\w+>", "[^/]+", tag)) for row in rows for tag in re.findall("`([^`]+)`", row)]
    for directory in finished.values():
        for tag in in_record(directory):
            assert any(pattern.fullmatch(tag) for pattern in documented), tag


def test_tensorboard_shows_what_the_record_holds(finished):
    for name, directory in finished.items():
        shown = in_tensorboard(directory)
        last = read_metrics(directory / "metrics.jsonl")[-1]
        scalars = {tag for tag, value in last.items() if isinstance(value, float)}
        assert {
            tag for tag in shown["scalars"] if not tag.startswith(("by_cell/", "final/", "performance/"))
        } == scalars
        assert shown["histograms"] == {tag for tag, value in last.items() if isinstance(value, dict)}
        assert shown["images"] == {"state_gradient/against_lag", "weight_gradient_by_lag/figure"}
        assert f"by_cell/{name}/heldout/loss" in shown["scalars"]


def test_every_chart_has_something_to_show(finished):
    """Over all cells: the chart of a cell matches that cell's runs only, and no chart is empty."""
    scalars = {name: in_tensorboard(directory)["scalars"] for name, directory in finished.items()}
    for cell in finished:
        for category, charts in layout(cell, DIAGNOSTICS).items():
            for chart, patterns in charts.items():
                having = {n for n, tags in scalars.items() if any(re.search(p, tag) for p in patterns for tag in tags)}
                assert having, (category, chart)
                if ": " in chart:
                    assert having == {cell} == {chart.split(": ")[0]}


@pytest.mark.parametrize(("share", "drawn"), [(0.0, [4]), (1e9, [0, 2, 4])])
def test_the_last_measurement_is_drawn_and_others_while_there_is_time(tmp_path, monkeypatch, share, drawn):
    monkeypatch.setattr(recorder, "_FIGURE_TIME_SHARE", share)
    given = study_small.get_config()
    given.cell.name, given.diagnostics, given.steps, given.measure_every = "rnn", ("state_gradient",), 4, 2
    shown = EventAccumulator(str(run("rnn", given, tmp_path))).Reload()
    assert [event.step for event in shown.Images("state_gradient/against_lag")] == drawn


def test_every_part_of_a_model_is_shown(tmp_path):
    """Its reach is a column of the HParams page, it has a line in the charts, and its picture."""
    given = study_small.get_config()
    given.cell.name, given.diagnostics, given.steps = "rnn", ("state_gradient",), 2
    given.model.layers = 2
    directory = run("rnn", given, tmp_path / "trial")
    reaches = {f"layer{i}/state_gradient/state/reach" for i in (0, 1)}
    last = read_metrics(directory / "metrics.jsonl")[-1]
    assert reaches < last.keys()
    page = hparams.page(tmp_path)
    assert set(page.metrics) == {"final/heldout/loss", "final/failed", *(f"final/{tag}" for tag in reaches)}
    (row,) = page.rows
    assert {tag: row.metrics[f"final/{tag}"] for tag in reaches} == {tag: last[tag] for tag in reaches}
    shown = in_tensorboard(directory)
    assert shown["images"] == {f"layer{i}/state_gradient/against_lag" for i in (0, 1)}
    charts = {title: p for of in layout("rnn", given.diagnostics).values() for title, (p,) in of.items()}
    for title, tags in {
        "rnn: reach (steps)": {f"by_cell/rnn/{tag}" for tag in reaches},
        "reach (steps)": reaches,
    }.items():
        assert {tag for tag in shown["scalars"] if re.match(charts[title], tag)} == tags
