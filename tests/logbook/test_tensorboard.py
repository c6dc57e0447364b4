"""TensorBoard events, read back with TensorBoard's own reader."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rnnx.logbook import TensorBoard
from rnnx.report.style import figure, png
from rnnx.types import Histogram


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
        board.image(7, "picture", png(drawn, dpi=50))
    events = read(tmp_path)
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(7, 0.5)]
    value = events.Histograms("gate")[0].histogram_value
    assert list(value.bucket) == [3, 1]
    assert list(value.bucket_limit) == [0.5, 1.0]
    image = events.Images("picture")[0]
    assert (image.width, image.height) == (100, 50)
    assert image.encoded_image_string.startswith(b"\x89PNG")
    assert "curve" not in events.Tags()["scalars"]


def test_settings_are_in_the_run_itself(tmp_path):
    with TensorBoard(tmp_path, None) as board:
        board.start({"cell.name": "lstm", "seed": 3}, ["heldout/loss"], {"Loss": {"training": ["train/loss"]}})
        board.finish(10)
    events = read(tmp_path)
    assert b"lstm" in events.Tensors("config/text_summary")[0].tensor_proto.string_val[0]
    tags = set(events.summary_metadata)
    assert {"_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info"} <= tags
    assert "custom_scalars__config__" in tags
    # tensorboardX's add_hparams would have made a run of its own below this one.
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


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
