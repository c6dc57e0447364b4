"""Tags agree in the record, in TensorBoard and in the documentation."""

import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments import config
from experiments.trials import loop, pictures, recorder, trial
from rnnx import examples
from rnnx.logbook import read_metrics, tags
from rnnx.report.metrics import pinned_tags
from tests.experiments import study_small
from tests.helpers import board_events, hparams
from tests.variants import CELLS

KINDS = ("rnn", "lstm")
"""Without gates, and with some and a state of two parts."""

DIAGNOSTICS = config.default().diagnostics
NUMBERS = ("reach", "decay_rate", "exploding")
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
    found = board_events.read(directory).Tags()
    return {"scalars": set(board_events.numbers(directory))} | {k: set(found[k]) for k in ("histograms", "images")}


def test_every_tag_is_documented(finished):
    rows = [line.split("|")[1] for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    documented = [re.compile(re.sub(r"<\w+>", "[^/]+", tag)) for row in rows for tag in re.findall("`([^`]+)`", row)]
    for directory in finished.values():
        for tag in in_record(directory):
            assert any(pattern.fullmatch(tag) for pattern in documented), tag


def test_tensorboard_shows_what_the_record_holds(finished):
    for directory in finished.values():
        shown = in_tensorboard(directory)
        last = read_metrics(directory / "metrics.jsonl")[-1]
        scalars = {tag for tag, value in last.items() if isinstance(value, float)}
        assert {tag for tag in shown["scalars"] if not tag.startswith(("final/", "performance/"))} == scalars
        assert shown["histograms"] == {tag for tag, value in last.items() if isinstance(value, dict)}
        assert {"state_gradient/against_lag", "weight_gradient_by_lag/figure"} <= shown["images"]


def test_every_chart_says_what_it_is(finished):
    for directory in finished.values():
        for tag in in_tensorboard(directory)["scalars"]:
            described = tags.description(tag)
            assert described, tag
            assert described.text[0].isupper() or not described.text[0].isalpha(), tag
            assert described.text.endswith(".")


@pytest.mark.parametrize(("share", "drawn"), [(0.0, [4]), (1e9, [0, 2, 4])])
def test_the_gradient_is_drawn_at_fixed_steps_and_other_diagnostics_while_there_is_time(
    tmp_path, monkeypatch, share, drawn
):
    monkeypatch.setattr(recorder, "_FIGURE_TIME_SHARE", share)
    given = study_small.get_config()
    given.cell.name, given.steps, given.measure_every = "rnn", 4, 2
    given.diagnostics = ("state_gradient", "weight_gradient_by_lag")
    shown = board_events.read(run("rnn", given, tmp_path))
    assert [event.step for event in shown.Images("state_gradient/against_lag")] == [0, 2, 4]
    assert [event.step for event in shown.Images("weight_gradient_by_lag/figure")] == drawn


@pytest.mark.parametrize(
    ("steps", "every", "drawn"),
    [
        (1000, 200, {0, 200, 400, 600, 800, 1000}),  # all that there are
        (1000, 300, {0, 300, 600, 900, 1000}),  # the last measurement is due at the end
        (4000, 100, {0, 100, 200, 300, 400, 600, 1000, 1600, 2500, 4000}),
        (50, 100, {0, 50}),
    ],
)
def test_the_steps_of_pictures_are_those_of_measurements_and_no_more_than_tensorboard_keeps(steps, every, drawn):
    given = study_small.get_config()
    given.steps, given.measure_every, given.log_every, given.checkpoint_every = steps, every, 50, 50 * steps
    assert pictures.steps(config.parse(given)) == drawn
    assert len(drawn) <= pictures.MOST


def test_pictures_of_a_gradient_have_one_size_and_the_same_axes():
    """What stays the same is drawn once, so a picture must not keep anything of the one before."""
    made = pictures.GradientPictures("rnn", config.parse(study_small.get_config()))
    records = [curves(step, slope) for step, slope in ((0, -0.5), (10, -2.0), (20, -0.5))]
    drawn = [png for record in records for _, png in made.draw(record, records[0])]
    first, second, third = (np.asarray(Image.open(io.BytesIO(png)).convert("L"), int) for png in drawn)
    assert first.shape == second.shape == (500, 800)
    assert (first != second).any()
    top = slice(0, 40)  # with the step, which differs
    assert (first[top] != third[top]).any()
    assert (first[40:] == third[40:]).all()


def test_what_is_exactly_zero_is_marked_in_a_picture():
    made = pictures.GradientPictures("rnn", config.parse(study_small.get_config()))
    small, zero = curves(0, -3.0), curves(0, -3.0)
    zero["state_gradient/state/log10_norm"][3:] = [-math.inf] * 3
    (_, one), (_, other) = (next(made.draw(record, small)) for record in (small, zero))
    assert one != other


def test_of_a_tree_lag_is_told_as_depth():
    """In its picture, which else is the same."""
    tree = examples.tree(["a", "b", ""], np.array([[-1, -1], [-1, -1], [0, 1]]))
    given = config.parse(study_small.get_config())
    record = curves(0, -0.5)
    (_, over_time), (_, over_trees) = (
        next(pictures.GradientPictures("rnn", given, example).draw(record, record)) for example in (None, tree)
    )
    first, second = (np.asarray(Image.open(io.BytesIO(png)).convert("L"), int) for png in (over_time, over_trees))
    differing = np.flatnonzero((abs(first - second) > 64).any(axis=1))  # shades of grey, of which there are few
    assert len(differing)
    assert differing.min() > 450, "of 500, at the foot alone"


def test_a_gradient_that_is_zero_from_the_start_has_a_picture():
    """As of an encoder whose last step a decoder does not look at; without a warning."""
    made = pictures.GradientPictures("rnn", config.parse(study_small.get_config()))
    record = curves(0, -0.5)
    for name in ("log10_norm", "log10_norm_q25", "log10_norm_q75"):
        record[f"state_gradient/state/{name}"][:2] = [-math.inf] * 2
    assert [png[1:4] for _, png in made.draw(record, record)] == [b"PNG"]


def curves(step, slope):
    """A record of a gradient that falls by a slope a step, log10."""
    curve = [slope * k for k in range(6)]
    names = ("log10_norm", "log10_norm_q25", "log10_norm_q75")
    return {"step": step} | {f"state_gradient/state/{name}": list(curve) for name in names}


def test_every_part_of_a_model_is_shown(tmp_path):
    """Its reach is a column of the HParams page and among the charts on top, and it has its picture."""
    given = study_small.get_config()
    given.cell.name, given.diagnostics, given.steps = "rnn", ("state_gradient",), 2
    given.model.layers = 2
    directory = run("rnn", given, tmp_path / "trial")
    reaches, rates = ({f"layer{i}/state_gradient/state/{name}" for i in (0, 1)} for name in ("reach", "decay_rate"))
    last = read_metrics(directory / "metrics.jsonl")[-1]
    assert reaches < last.keys()
    page = hparams.page(tmp_path)
    assert set(page.metrics) == {
        "final/heldout/loss",
        "final/failed",
        *(
            f"final/layer{i}/state_gradient/state/{name}"
            for i in (0, 1)
            for name in ("reach", "decay_rate", "exploding")
        ),
    }
    assert page.metrics["final/layer1/state_gradient/state/reach"] == "layer1: reach (steps)"
    (row,) = page.rows
    assert {tag: row.metrics[f"final/{tag}"] for tag in reaches} == {tag: last[tag] for tag in reaches}
    pictures = {f"layer{i}/state_gradient/against_lag" for i in (0, 1)}
    assert in_tensorboard(directory)["images"] == pictures | {"computational_graph"}
    assert pinned_tags(last) == ["heldout/loss", *sorted(reaches), *sorted(rates)]
