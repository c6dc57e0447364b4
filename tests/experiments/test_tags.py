"""Tags agree in the record, in TensorBoard, in its layout and in the documentation."""

import re
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import rnnx
from experiments import config, record, trial
from experiments.layout import layout
from rnnx.logbook import read_metrics
from tests.experiments import study_small

DOCUMENT = Path(__file__).parents[2] / "docs" / "measurements.md"

pytestmark = pytest.mark.xdist_group("tags")  # its trials are made once


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A trial of each cell, by cell."""
    done = {}
    for name in rnnx.cells.names():
        given = study_small.get_config()
        given.cell.name = name
        given.steps = 10
        directory = tmp_path_factory.mktemp(name)
        trial.run(trial.Group((trial.Trial(name, config.parse(given), directory),), 1), lambda news: None)
        done[name] = directory
    return done


def in_record(directory):
    return {tag for record in read_metrics(directory / "metrics.jsonl") for tag in record} - {"step"}


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
        assert {tag for tag in shown["scalars"] if not tag.startswith(("by_cell/", "performance/"))} == scalars
        assert shown["histograms"] == {tag for tag, value in last.items() if isinstance(value, dict)}
        assert shown["images"] == {"state_gradient/against_lag", "weight_gradient_by_lag/figure"}
        assert f"by_cell/{name}/heldout/loss" in shown["scalars"]


def test_every_chart_has_something_to_show(finished):
    """Over all cells: the chart of a cell matches that cell's runs only, and no chart is empty."""
    scalars = {name: in_tensorboard(directory)["scalars"] for name, directory in finished.items()}
    for cell in finished:
        for category, charts in layout(cell, study_small.get_config().measurements).items():
            for chart, patterns in charts.items():
                having = {n for n, tags in scalars.items() if any(re.search(p, tag) for p in patterns for tag in tags)}
                assert having, (category, chart)
                if ": " in chart:
                    assert having == {cell} == {chart.split(": ")[0]}


@pytest.mark.parametrize(("share", "drawn"), [(0.0, [4]), (1e9, [0, 2, 4])])
def test_the_last_measurement_is_drawn_and_others_while_there_is_time(tmp_path, monkeypatch, share, drawn):
    monkeypatch.setattr(record, "_DRAWING", share)
    given = study_small.get_config()
    given.cell.name, given.measurements, given.steps, given.measure_every = "rnn", ("state_gradient",), 4, 2
    trial.run(trial.Group((trial.Trial("rnn", config.parse(given), tmp_path),), 1), lambda news: None)
    shown = EventAccumulator(str(tmp_path)).Reload()
    assert [event.step for event in shown.Images("state_gradient/against_lag")] == drawn
