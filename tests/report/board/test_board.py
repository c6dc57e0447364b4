"""The run `_study`: what it holds, that its pictures show what was measured, and that no failure is an error."""

import math

import numpy as np
import pytest

from rnnx.report import board, figures, study, summary
from rnnx.report.board import matrix, overlay
from tests.helpers import board_events
from tests.report.records import write_trial

HEAT_MAP = "state_gradient_heat_map"


@pytest.fixture
def workdir(tmp_path):
    """Two cells at two lengths, of which one is not done."""
    for cell, slope in (("rnn", -1.0), ("gru", -0.25)):
        for T in (8, 16):
            done = "done" if T == 8 else "unfinished"
            write_trial(tmp_path / f"{cell}{T}", cell=cell, length=T, slopes=(-0.5, slope), status=done)
    return tmp_path


def test_findings_and_pictures_are_there_and_once(workdir):
    for _ in range(2):
        board.write(study.read(workdir), workdir, sections=False)
    assert len(list((workdir / "_study").iterdir())) == 1
    shown = board_events.read(workdir / "_study")
    (findings,) = shown.Tensors("findings/text_summary")
    (text,) = findings.tensor_proto.string_val
    assert b"2 of 4 trials are done." in text
    assert b"#### adding" in text
    assert set(shown.Tags()["images"]) == {f"all_cells/adding/{name}" for name in ("reach", "T8", "T16")}
    for tag in shown.Tags()["images"]:
        (image,) = shown.Images(tag)
        assert (image.width, image.height, image.step) == (1200, 750, 2)


def test_what_cannot_be_drawn_is_said_and_the_rest_is_there(workdir, monkeypatch):
    def broken(*given):
        raise RuntimeError("no such curve")

    monkeypatch.setattr(matrix, "draw", broken)
    sections = [section._replace(draw=broken) for section in figures.sections() if section.name == HEAT_MAP]
    monkeypatch.setattr(figures, "sections", lambda: sections)
    board.write(study.read(workdir), workdir, sections=True)
    shown = board_events.read(workdir / "_study")
    (text,) = shown.Tensors("findings/text_summary")[0].tensor_proto.string_val
    assert b"Could not be drawn: all_cells/adding/reach: RuntimeError: no such curve." in text
    assert b"Could not be drawn: all_cells/adding/state_gradient_heat_map: " in text
    assert set(shown.Tags()["images"]) == {"all_cells/adding/T8", "all_cells/adding/T16"}


def test_a_sentence_in_place_of_a_figure_is_no_picture(workdir, monkeypatch):
    tag = f"all_cells/adding/{HEAT_MAP}"
    board.write(study.read(workdir), workdir, sections=True)
    assert tag in board_events.read(workdir / "_study").Tags()["images"]
    sections = [section._replace(draw=lambda *given: "all the same") for section in figures.sections()]
    monkeypatch.setattr(figures, "sections", lambda: sections)
    board.write(study.read(workdir), workdir, sections=True)
    assert tag not in board_events.read(workdir / "_study").Tags()["images"]


@pytest.mark.parametrize(("seeds", "lines"), [(2, 2), (5, 1)])
def test_an_overlay_has_a_line_for_each_seed_or_their_median_from_five_on(tmp_path, seeds, lines):
    slopes = [-0.1 * (seed + 1) for seed in range(seeds)]
    for seed, slope in enumerate(slopes):
        write_trial(tmp_path / str(seed), seed=seed, slopes=(-1.0, slope))
    figure = overlay.draw(study.read(tmp_path), "adding", 8)
    _, after = figure.axes
    drawn = [line.get_ydata() for line in after.lines if len(line.get_ydata()) == 8]
    shown = slopes if seeds < 5 else [np.median(slopes)]
    assert len(drawn) == lines
    for curve, slope in zip(drawn, shown, strict=True):
        np.testing.assert_allclose(curve, slope * np.arange(8) / math.log(10), rtol=1e-12, atol=1e-12)
    assert after.get_ylim() == (-10.0, 2.0)


def test_a_matrix_has_the_reach_of_each_variant_at_each_length(workdir):
    figure = matrix.draw("adding", summary.rows(study.read(workdir)))
    before, after, _ = figure.axes
    texts = {axes: {tuple(text.get_position()): text.get_text() for text in axes.texts} for axes in (before, after)}
    variants = [label.get_text() for label in before.get_yticklabels()]
    for x, T in enumerate((8, 16)):
        for y, variant in enumerate(variants):
            slope = {"rnn": -1.0, "gru": -0.25}[variant]
            assert texts[before][x, y] == f"{min(T - 1, math.floor(math.log(0.01) / -0.5))}"
            assert texts[after][x, y] == f"{min(T - 1, math.floor(math.log(0.01) / slope))}"
            assert texts[after][x, y + 0.3] == ("1 of 1" if T == 8 else "0 of 1")


def test_where_nothing_was_measured_there_is_no_picture(tmp_path):
    write_trial(tmp_path / "0", measured=0)
    found = study.read(tmp_path)
    assert matrix.draw("adding", summary.rows(found)) is overlay.draw(found, "adding", 8) is None
