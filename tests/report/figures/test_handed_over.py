"""The gradient from a decoder into its encoder is one curve, over that at the decoder's last step."""

import math

import pytest

from rnnx.computational_graph import Edge, Graph
from rnnx.report import study
from rnnx.report.figures import _style, state_gradient_handed_over
from tests.report.figures.test_on_data import leave_parts
from tests.report.records import write_trial

T = 4


def write(directory, decoder, encoder, **options):
    curves = {
        f"{part}/state_gradient/state/log10_norm": values
        for part, values in (("decoder", decoder), ("encoder", encoder))
    }
    write_trial(directory, length=T, extra=curves, parts=(), **options)
    leave_parts(directory)


def lines(axes):
    return [line.get_ydata().tolist() for line in axes.lines if len(line.get_xdata()) == 2 * T]


def test_both_parts_of_each_trial_stand_behind_each_other(tmp_path):
    write(tmp_path / "a", [-1.0, -2.0, -3.0, -4.0], [-5.0, -6.0, -7.0, -8.0])
    write(tmp_path / "b", [-2.0, -2.0, -2.0, -2.0], [-2.5, -2.5, -2.5, -2.5], seed=1)
    write(tmp_path / "c", [0.0, -1.0, -1.0, -1.0], [-9.0, -9.0, -9.0, -9.0], cell="gru")
    figure = state_gradient_handed_over.draw(study.read(tmp_path), "adding")
    before, after = figure.axes
    assert before.get_title() == "before training"
    for axes in (before, after):
        found = lines(axes)
        assert [0.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0] in found
        assert [0.0] * T + [-0.5] * T in found
        assert [0.0, -1.0, -1.0, -1.0, -9.0, -9.0, -9.0, -9.0] in found
    assert "handed over" in [entry.get_text() for entry in figure.legends[0].get_texts()]


def test_what_is_not_a_number_or_zero_is_drawn_around(tmp_path):
    nan, inf = math.nan, math.inf
    write(tmp_path / "a", [nan] * T, [inf, -inf, nan, -1.0])
    write(tmp_path / "b", [-1.0, -inf, -inf, -inf], [-inf] * T, seed=1)
    figure = state_gradient_handed_over.draw(study.read(tmp_path), "adding")
    assert _style.png(figure).startswith(b"\x89PNG")  # warnings are errors in these tests


def test_networks_of_other_parts_are_not_drawn(tmp_path):
    write_trial(tmp_path / "alone", length=T)
    assert state_gradient_handed_over.draw(study.read(tmp_path), "adding") is None
    layers = {f"layer{n}/state_gradient/state/log10_norm": [0.0] * T for n in (0, 1)}
    write_trial(tmp_path / "layers", length=T, extra=layers, parts=(), cell="gru")
    leave_parts(tmp_path / "layers")
    assert state_gradient_handed_over.draw(study.read(tmp_path), "adding") is None


@pytest.mark.parametrize(("taken", "drawn"), [("state", True), ("params", False)])
def test_a_decoder_that_only_looks_at_its_encoder_is_not_drawn(tmp_path, taken, drawn):
    edges = (Edge("encoder", "outputs", "decoder", "params"), Edge("encoder", "final_state", "decoder", taken))
    graph = Graph({}, edges, (1, 1, 1), None).to_dict()
    write(tmp_path / "a", [-1.0, -2.0, -3.0, -4.0], [-5.0, -6.0, -7.0, -8.0], graph=graph)
    assert (state_gradient_handed_over.draw(study.read(tmp_path), "adding") is not None) == drawn
