"""TensorBoard events, read back with TensorBoard's own reader."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2

from rnnx.logbook import TensorBoard
from rnnx.report.figures._style import figure, png
from rnnx.types import Histogram
from tests.helpers import hparams


def read(directory):
    accumulator = EventAccumulator(
        str(directory), size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    )
    accumulator.Reload()
    return accumulator


def test_scalars_histograms_and_images_come_back(tmp_path):
    drawn = figure(2, 1)
    drawn.subplots().plot([1, 2])
    with TensorBoard(tmp_path, None) as board:
        histogram = Histogram(counts=np.array([3, 1]), edges=np.array([0.0, 0.5, 1.0]))
        board.write(7, {"loss": np.float32(0.5), "gate": histogram, "curve": np.ones(4)})
        board.write(7, {"unit": "c[17]", "passage": ["\n", "$"]})
        board.image(7, "picture", png(drawn, dpi=50))
    events = read(tmp_path)
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(7, 0.5)]
    value = events.Histograms("gate")[0].histogram_value
    assert list(value.bucket) == [3, 1]
    assert list(value.bucket_limit) == [0.5, 1.0]
    image = events.Images("picture")[0]
    assert (image.width, image.height) == (100, 50)
    assert image.encoded_image_string.startswith(b"\x89PNG")
    assert events.Tensors("unit/text_summary")[0].tensor_proto.string_val == [b"    c[17]"]
    assert {"curve", "passage"}.isdisjoint(events.Tags()["scalars"] + events.Tags()["tensors"])


def test_what_is_not_finite_is_written_and_nothing_is_said(tmp_path, caplog):
    """tensorboardX would say of neither which run nor which tag."""
    with TensorBoard(tmp_path, None) as board:
        board.write(3, {"nan": np.float32("nan"), "infinite": np.inf, "ratio/layers.0.h": 1e300})
    assert caplog.records == []
    values = [read(tmp_path).Scalars(tag)[0].value for tag in ("nan", "infinite", "ratio/layers.0.h")]
    np.testing.assert_array_equal(values, [np.nan, np.inf, np.inf])  # they are float32


def test_settings_are_in_the_run_itself(tmp_path):
    with TensorBoard(tmp_path, None) as board:
        board.start({"cell.name": "lstm", "seed": 3}, {"Loss": {"training": ["train/loss"]}})
    events = read(tmp_path)
    assert b"lstm" in events.Tensors("config/text_summary")[0].tensor_proto.string_val[0]
    assert "custom_scalars__config__" in events.summary_metadata
    # tensorboardX's add_hparams would have made a run of its own below this one.
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


LSTM = {"cell.name": "lstm", "cell.forget_bias": 1.0, "cell.peepholes": True, "seed": 0}
GRU = {"cell.name": "gru", "cell.reset": "after", "seed": 0}


def run(directory, settings, study, loss):
    """A run that has a loss at step 0 and is done with another at step 10."""
    directory.mkdir()
    TensorBoard.hparams(directory, settings, study, ["heldout/loss"])
    with TensorBoard(directory, None) as board:
        board.write(0, {"heldout/loss": 0.0})
    TensorBoard.end(directory, 10, {"heldout/loss": loss})


def test_hparams_have_the_columns_of_all_runs_whichever_run_tensorboard_takes_them_from(tmp_path):
    study = [LSTM, GRU, GRU | {"seed": 1}]
    for directory, runs in ((tmp_path / "one", study), (tmp_path / "other", study[::-1])):
        directory.mkdir()
        for number, settings in enumerate(runs):
            run(directory / str(number), settings, study, 0.5)
        shown = hparams.page(directory)
        assert shown.columns == {
            "cell.name": "DATA_TYPE_STRING",
            "seed": "DATA_TYPE_FLOAT64",
            "cell.forget_bias": "DATA_TYPE_FLOAT64",
            "cell.peepholes": "DATA_TYPE_BOOL",
            "cell.reset": "DATA_TYPE_STRING",
        }
        assert shown.differing == ["cell.name", "seed"]  # TensorBoard shows five columns until told otherwise
        assert shown.metrics == ["final/heldout/loss", "final/failed"]
        assert {row.name: row.settings for row in shown.rows} == {str(n): runs[n] for n in range(3)}


def test_a_setting_of_mixed_types_is_text_in_every_row(tmp_path):
    """TensorBoard can't sort numbers among text."""
    study = [{"limit": 1}, {"limit": "none"}, {"limit": True}]
    for number, settings in enumerate(study):
        run(tmp_path / str(number), settings, study, 0.5)
    shown = hparams.page(tmp_path)
    assert shown.columns == {"limit": "DATA_TYPE_STRING"}
    assert [row.settings["limit"] for row in shown.rows] == ["1", "none", "True"]


@pytest.mark.parametrize("order", ["ORDER_ASC", "ORDER_DESC"])
def test_runs_that_failed_have_a_status_and_stand_behind_those_that_are_done(tmp_path, order):
    """A value that is not finite is as bad: among NaN nothing is sorted."""
    losses = {"a": 0.3, "nan": np.nan, "b": 0.1, "infinite": np.inf, "c": 0.2, "failed": None, "running": None}
    for name, loss in losses.items():
        if loss is not None:
            run(tmp_path / name, GRU, [GRU], loss)
            continue
        (tmp_path / name).mkdir()
        TensorBoard.hparams(tmp_path / name, GRU, [GRU], ["heldout/loss"])
        with TensorBoard(tmp_path / name, None) as board:
            board.write(0, {"heldout/loss": 0.0})
    TensorBoard.end(tmp_path / "failed", 7, None)
    rows = hparams.page(tmp_path, order=getattr(api_pb2, order)).rows
    sound, others = rows[:3], {row.name: row for row in rows[3:]}
    assert [row.name for row in sound] == (["b", "c", "a"] if order == "ORDER_ASC" else ["a", "c", "b"])
    assert all(row.status == "STATUS_SUCCESS" and row.metrics["final/failed"] == 0 for row in sound)
    assert (others["failed"].status, others["failed"].metrics) == ("STATUS_FAILURE", {"final/failed": 1.0})
    assert (others["running"].status, others["running"].metrics) == ("STATUS_UNKNOWN", {})
    assert others["nan"].metrics == others["infinite"].metrics == {"final/failed": 0.0}


def test_how_a_run_ended_holds_until_it_is_begun_again(tmp_path):
    """One that failed may be done the second time, and one that was done may fail when it is to do more steps."""
    TensorBoard.hparams(tmp_path, GRU, [GRU], ["heldout/loss"])
    done, failed = {"final/heldout/loss": 0.5, "final/failed": 0.0}, {"final/failed": 1.0}
    ends = ((None, "STATUS_FAILURE", failed), ({"heldout/loss": 0.5}, "STATUS_SUCCESS", done))
    for step, (values, status, shown) in enumerate((*ends, *ends)):
        with TensorBoard(tmp_path, step):
            (row,) = hparams.page(tmp_path).rows
            assert (row.status, row.metrics) == ("STATUS_UNKNOWN", {})
        TensorBoard.end(tmp_path, step, values)
        (row,) = hparams.page(tmp_path).rows
        assert (row.status, row.metrics) == (status, shown)


def test_a_resumed_run_has_every_step_once(tmp_path):
    with TensorBoard(tmp_path, None) as board:
        for step in range(0, 50, 10):
            board.write(step, {"loss": float(step)})
    with TensorBoard(tmp_path, 20) as board:  # 30 and 40 were written but are past the checkpoint
        for step in range(30, 70, 10):
            board.write(step, {"loss": step + 0.5})
    scalars = [(e.step, e.value) for e in read(tmp_path).Scalars("loss")]
    assert scalars == [(0, 0), (10, 10), (20, 20), (30, 30.5), (40, 40.5), (50, 50.5), (60, 60.5)]


def test_writers_opened_in_the_same_second_do_not_share_a_file(tmp_path):
    with TensorBoard(tmp_path, None) as one, TensorBoard(tmp_path, None) as other:
        one.write(1, {"a": 1.0})
        other.write(2, {"a": 2.0})
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 2


def test_what_was_flushed_survives_without_close(tmp_path):
    board = TensorBoard(tmp_path, None)
    for step in range(100):
        board.write(step, {"a": float(step)})
    board.flush()
    assert len(read(tmp_path).Scalars("a")) == 100
    board.close()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_kept(tmp_path, value):
    with TensorBoard(tmp_path, None) as board:
        board.write(0, {"a": value})
    np.testing.assert_equal(read(tmp_path).Scalars("a")[0].value, value)


def test_an_analysis_leaves_what_training_wrote_and_takes_the_place_of_an_earlier_one(tmp_path):
    with TensorBoard(tmp_path, None) as board:
        for step in range(0, 50, 10):
            board.write(step, {"loss": float(step)})
    for value in (1.0, 2.0):
        with TensorBoard.analysis(tmp_path, "lyapunov") as board:  # of a checkpoint from the middle
            board.write(20, {"lyapunov/largest": value})
    with TensorBoard.analysis(tmp_path, "paths") as board:
        board.write(40, {"paths/value": 3.0})
    events = read(tmp_path)
    assert [e.step for e in events.Scalars("loss")] == [0, 10, 20, 30, 40]
    assert [(e.step, e.value) for e in events.Scalars("lyapunov/largest")] == [(20, 2.0)]

    with TensorBoard(tmp_path, 30) as board:  # resumed from before the second analysis
        board.write(40, {"loss": 41.0})
    events = read(tmp_path)
    assert [(e.step, e.value) for e in events.Scalars("loss")][-2:] == [(30, 30.0), (40, 41.0)]
    assert [e.step for e in events.Scalars("lyapunov/largest")] == [20]
    assert events.Tags()["scalars"].count("paths/value") == 0 or events.Scalars("paths/value") == []
