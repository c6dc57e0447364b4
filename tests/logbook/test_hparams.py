"""What TensorBoard's HParams page shows, as its own backend answers it."""

import numpy as np
import pytest
from tensorboard.plugins.hparams import api_pb2

from rnnx.logbook import TensorBoard
from rnnx.logbook.hparams import MISSING, columns, end, write_row, write_study
from tests.helpers.hparams import page

LSTM = {"cell.name": "lstm", "cell.forget_bias": 1.0, "cell.peepholes": True, "task.length": 8, "seed": 0, "steps": 9}
GRU = {"cell.name": "gru", "cell.reset": "after", "task.length": 8, "seed": 0, "steps": 9}


def written(directory, study):
    """The rows of runs called by their number, and the columns of all of them."""
    (directory / "_study").mkdir(parents=True)
    write_study(directory / "_study", columns(study), ["heldout/loss"])
    for number, settings in enumerate(study):
        begun(directory / str(number), settings, study)
    return page(directory)


def begun(directory, settings, study):
    """A run that has a loss at step 0."""
    directory.mkdir(exist_ok=True)
    write_row(directory, settings, columns(study))
    with TensorBoard(directory, None) as board:
        board.write(0, {"heldout/loss": 0.0})


def test_columns_are_what_varies_whichever_run_comes_first(tmp_path):
    study = [LSTM, GRU, LSTM | {"cell.forget_bias": 0.5}, GRU | {"task.length": 16}]
    for name, runs in (("one", study), ("other", study[::-1])):
        shown = written(tmp_path / name, runs)
        assert set(shown.titles) == {"cell", "length T (steps)", "forget bias"}  # TensorBoard sorts them
        assert shown.columns == {
            "cell.name": "DATA_TYPE_STRING",
            "task.length": "DATA_TYPE_FLOAT64",
            "cell.forget_bias": "DATA_TYPE_STRING",
        }
        assert set(shown.differing) == shown.columns.keys()
        # Each of them can be ticked; a run that lacks a setting has a value of it all the same.
        assert shown.domains == {
            "cell.name": ["gru", "lstm"],
            "task.length": [8, 16],
            "cell.forget_bias": ["0.5", "1", MISSING],
        }
        of_run = {row.name: row.settings for row in shown.rows}
        assert len(of_run) == 4
        for number, settings in enumerate(runs):
            bias = f"{settings['cell.forget_bias']:g}" if "cell.forget_bias" in settings else MISSING
            assert of_run[str(number)]["cell.forget_bias"] == bias
            assert of_run[str(number)]["task.length"] == settings["task.length"]
        assert shown.metrics == {"final/heldout/loss": "held-out loss", "final/failed": "failed (0 or 1)"}


def test_of_a_single_run_the_columns_are_those_that_all_runs_have_and_hide_no_other(tmp_path):
    """Another study beside it may have other values, and TensorBoard shows no run that a domain lacks."""
    shown = written(tmp_path, [LSTM])
    assert set(shown.columns) == {"cell.name", "task.length", "seed"}
    assert shown.domains == {"cell.name": [], "task.length": [], "seed": []}
    begun(tmp_path / "other", GRU, [GRU])
    assert {row.name for row in page(tmp_path).rows} == {"0", "other"}


def test_an_option_that_goes_with_the_name_of_a_cell_is_no_column():
    """Nor does one that several cells have, each with its own default, vary by itself."""
    rnn = {"cell.name": "rnn", "cell.activation": "relu", "optimizer": "adam"}
    others = [{"cell.name": "gru", "cell.activation": "tanh", "optimizer": "adam"}, LSTM]
    assert [column.field for column in columns([rnn, *others])] == ["cell.name"]
    assert "optimizer" in [column.field for column in columns([rnn, *others, rnn | {"optimizer": "sgd"}])]


def test_options_of_one_name_are_told_apart():
    study = [{"model.layers": n, "cell.layers": n} for n in (1, 2)]
    assert [column.title for column in columns(study)] == ["cell layers", "model layers"]


def test_a_setting_of_mixed_types_is_text_in_every_row(tmp_path):
    """TensorBoard can't sort numbers among text."""
    shown = written(tmp_path, [{"limit": 1}, {"limit": "none"}, {"limit": True}])
    assert shown.columns == {"limit": "DATA_TYPE_STRING"}
    assert [row.settings["limit"] for row in shown.rows] == ["1", "none", "True"]


@pytest.mark.parametrize("order", ["ORDER_ASC", "ORDER_DESC"])
def test_runs_that_failed_have_a_status_and_stand_behind_those_that_are_done(tmp_path, order):
    """A value that is not finite is as bad: among NaN nothing is sorted."""
    losses = {"a": 0.3, "nan": np.nan, "b": 0.1, "infinite": np.inf, "c": 0.2, "failed": None, "running": None}
    write_study(tmp_path, columns([GRU]), ["heldout/loss"])
    for name, loss in losses.items():
        begun(tmp_path / name, GRU, [GRU])
        if loss is not None:
            end(tmp_path / name, 10, {"heldout/loss": loss})
    end(tmp_path / "failed", 7, None)
    rows = page(tmp_path, order=getattr(api_pb2, order)).rows
    sound, others = rows[:3], {row.name: row for row in rows[3:]}
    assert [row.name for row in sound] == (["b", "c", "a"] if order == "ORDER_ASC" else ["a", "c", "b"])
    assert all(row.status == "STATUS_SUCCESS" and row.metrics["final/failed"] == 0 for row in sound)
    assert (others["failed"].status, others["failed"].metrics) == ("STATUS_FAILURE", {"final/failed": 1.0})
    assert (others["running"].status, others["running"].metrics) == ("STATUS_UNKNOWN", {})
    assert others["nan"].metrics == others["infinite"].metrics == {"final/failed": 0.0}


def test_how_a_run_ended_holds_until_it_is_begun_again(tmp_path):
    """One that failed may be done the second time, and one that was done may fail when it is to do more steps."""
    write_study(tmp_path, columns([GRU]), ["heldout/loss"])
    write_row(tmp_path, GRU, columns([GRU]))
    done, failed = {"final/heldout/loss": 0.5, "final/failed": 0.0}, {"final/failed": 1.0}
    ends = ((None, "STATUS_FAILURE", failed), ({"heldout/loss": 0.5}, "STATUS_SUCCESS", done))
    for step, (values, status, shown) in enumerate((*ends, *ends)):
        with TensorBoard(tmp_path, step):
            (row,) = page(tmp_path).rows
            assert (row.status, row.metrics) == ("STATUS_UNKNOWN", {})
        end(tmp_path, step, values)
        (row,) = page(tmp_path).rows
        assert (row.status, row.metrics) == (status, shown)
