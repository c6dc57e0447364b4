"""What models write to held-out examples, and where they look while they do."""

import json

import numpy as np
import pytest
from matplotlib.text import Text

from rnnx import examples
from rnnx.report import study
from rnnx.report.figures import _style, attention, written
from rnnx.report.pages.svg import drawing
from rnnx.types import Written
from tests.report.records import write_samples, write_trial

WORDS = ["a", "red", "circle", "end"]
IMAGE = examples.image(np.random.default_rng(0).uniform(size=(6, 6, 3)), WORDS)
OTHER = examples.image(np.random.default_rng(1).uniform(size=(6, 6, 3)), WORDS)
TEXT = examples.translation("abc", "cba")


def write(directory, step, *outputs, **options):
    write_trial(directory, **options)
    write_samples(directory, step, *outputs)


def lines(figure):
    return [text.get_text() for text in figure.texts if text is not figure._suptitle]


def test_each_picture_stands_beside_what_is_right_and_what_was_written(tmp_path):
    right, wrong = Written(IMAGE, "a red circle", "a red circle"), Written(OTHER, "a red circle", "a circle")
    write(tmp_path / "gru", 20, right, wrong, cell="gru")
    write(tmp_path / "rnn", 20, right._replace(output=""), wrong, cell="rnn")
    (tmp_path / "rnn" / "samples" / "10.json").write_text('{"written": []}')
    figure = written.draw(study.read(tmp_path), "adding")
    assert figure.get_suptitle().startswith("adding, T = 8: what is written after 20 steps")
    assert len(figure.axes) == 2
    assert lines(figure) == ["a red circle", "✓ gru: a red circle", "✗ rnn:", "a red circle"] + [
        f"✗ {cell}: a circle" for cell in ("gru", "rnn")
    ]


def test_of_one_network_no_name_is_told_and_a_text_has_no_picture():
    figure = written.paint({"": [Written(TEXT, "cba", "cba")]}, "a title")
    assert not figure.axes
    assert lines(figure) == ["cba", "✓ cba"]


def test_what_is_long_is_broken_and_stays_within_the_figure():
    long = Written(IMAGE, "word " * 60, "other " * 60)
    figure = written.paint({"gru": [long] * 3}, "a title")
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    for text in figure.findobj(Text):
        box = text.get_window_extent()
        assert 0 <= box.x0 <= box.x1 <= width, text
        assert 0 <= box.y0 <= box.y1 <= height, text


def test_without_anything_written_there_is_no_figure(tmp_path):
    write_trial(tmp_path / "a")
    assert written.draw(study.read(tmp_path), "adding") is None


WEIGHTS = [[0.0, 0.5, 0.25, 0.25], [0.25] * 4, [1.0, 0.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]]


def record(example):
    return {"attention/weights": WEIGHTS, "attention/places": 2.5, "example": example}


def test_attention_to_a_picture_is_that_once_for_each_word():
    figure = attention.draw_trial(record(IMAGE), "a trial", {})
    whole, *each = figure.axes
    assert [axes.get_title() for axes in each] == WORDS
    assert len(whole.images) == 1
    assert whole.get_xlabel() == "2.5 places at a time"
    for axes, weights in zip(each, WEIGHTS, strict=True):
        dark = np.asarray(axes.images[1].get_array())[..., 3]
        assert dark.shape == (2, 2)
        np.testing.assert_allclose(dark.ravel(), 0.75 * (1 - np.array(weights) / max(weights)))
        assert axes.get_xlabel() == f"at most α = {max(weights):.2f}"


def test_on_a_narrow_screen_the_words_stay_in_their_order():
    """Columns by themselves would be read downwards: a word of each row, and then the next of each."""
    pictures = attention.draw_trial(record(IMAGE), "a trial", {})
    _style.png(pictures)
    assert drawing(pictures, "a").columns == ()
    curves, _ = _style.grid("curves", 1, 2)
    _style.png(curves)
    assert len(drawing(curves, "b").columns) == 2


def test_of_a_network_that_has_diverged_all_is_dark():
    figure = attention.draw_trial(record(IMAGE) | {"attention/weights": [[np.nan] * 4] * 4}, "a trial", {})
    assert (np.asarray(figure.axes[1].images[1].get_array())[..., 3] == 0.75).all()
    assert _style.png(figure).startswith(b"\x89PNG")


def test_attention_to_a_text_names_its_steps():
    figure = attention.draw_trial(record(TEXT), "a trial", {})
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["c", "b", "a"]


def test_attention_of_a_network_that_forecasts_is_to_series_or_to_steps():
    window = examples.series(np.zeros((4, 1)), ["wind"], np.zeros(1), "next")
    (axes, _) = attention.draw_trial(record(window), "a trial", {}).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("series, or step that was read", "step")


@pytest.mark.parametrize(
    ("example", "places"),
    [(TEXT, "steps"), (examples.series(np.zeros((4, 1)), ["wind"], np.zeros(1), "next"), "places")],
)
def test_how_much_is_looked_at_is_in_what_a_column_is(tmp_path, example, places):
    write_trial(tmp_path / "a", cell="gru", extra={"attention/weights": WEIGHTS, "attention/places": 2.5})
    (tmp_path / "a" / "example.json").write_text(json.dumps(example._asdict()))
    axes, *_ = attention.draw(study.read(tmp_path), "adding").axes
    assert axes.get_title() == f"gru: 2.5 {places} at a time"


@pytest.mark.parametrize("other", [False, True])
def test_in_the_report_networks_are_below_each_other_on_one_picture(tmp_path, other):
    tags = {tag: value for tag, value in record(None).items() if tag != "example"}
    for cell, example in (("gru", IMAGE), ("rnn", OTHER if other else IMAGE)):
        write_trial(tmp_path / cell, cell=cell, extra=tags)
        (tmp_path / cell / "example.json").write_text(json.dumps(example._asdict()))
    figure = attention.draw(study.read(tmp_path), "adding")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["gru", *WORDS, *([] if other else ["rnn", *WORDS])]
