"""Forecasts beside what came."""

import numpy as np
import pytest

from rnnx.logbook.files import DamagedError
from rnnx.report import study
from rnnx.report.figures import _style, forecast
from rnnx.types import Forecast
from tests.report.records import write_forecasts, write_trial

AT = [1891.0, 1892.0, 1893.0]
ONE = Forecast("sun$pots", "year", AT, [], truth=[1.0, 2.0, 4.0], forecast=[1.5, 2.5, 3.5], last=[0.0, 1.0, 2.0])
OTHER = ONE._replace(name="b", forecast=[9.0, 8.0, 7.0])


def drawn(axes):
    return [np.asarray(line.get_ydata()).tolist() for line in axes.lines]


def test_networks_are_on_each_other_beside_truth_and_persistence_a_panel_a_series(tmp_path):
    for cell, shift in (("gru", 0.0), ("rnn", 1.0)):
        write_trial(tmp_path / cell, cell=cell)
        write_forecasts(tmp_path / cell, 10, ONE, ONE)
        later = ONE._replace(forecast=[x + shift for x in ONE.forecast])
        write_forecasts(tmp_path / cell, 20, later, OTHER)
    figure = forecast.draw(study.read(tmp_path), "adding")
    assert figure.get_suptitle().startswith("adding, T = 8: forecasts after 20 steps")
    first, second = figure.axes
    assert (first.get_ylabel(), second.get_ylabel(), second.get_xlabel()) == ("sun$pots", "b", "year")
    assert drawn(first) == [ONE.truth, ONE.last, ONE.forecast, [2.5, 3.5, 4.5]]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["truth", "persistence", "gru", "rnn"]
    # In grey they differ in width and pattern.
    looks = [(line.get_linewidth(), str(line.get_linestyle())) for line in first.lines]
    assert len(set(looks)) == 4
    assert _style.png(figure).startswith(b"\x89PNG")


def test_times_that_have_names_are_called_by_them():
    figure = forecast.paint({"": [ONE._replace(labels=["a", "b", "c"])]}, "a title")
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["a", "b", "c"]


def test_of_a_network_that_has_diverged_the_truth_is_drawn():
    figure = forecast.paint({"": [ONE._replace(forecast=[float("nan")] * 3)]}, "a title")
    assert _style.png(figure).startswith(b"\x89PNG")


def test_without_a_forecast_there_is_no_figure(tmp_path):
    write_trial(tmp_path / "a")
    assert forecast.draw(study.read(tmp_path), "adding") is None


def test_what_is_no_forecast_is_told_by_its_file(tmp_path):
    write_trial(tmp_path / "a")
    (tmp_path / "a" / "forecasts").mkdir()
    (tmp_path / "a" / "forecasts" / "20.json").write_text('{"series": [{"name": "a"}]}')
    with pytest.raises(DamagedError, match=r"^.*forecasts/20\.json is not what was forecast: it has not name, .*\.$"):
        study.read(tmp_path)
