"""TensorBoard events, read back with TensorBoard's own reader."""

import numpy as np
import pytest

from rnnx.logbook import TensorBoard
from rnnx.report.figures._style import figure, png
from rnnx.types import Histogram
from tests.helpers.board_events import numbers, read, steps


def test_scalars_histograms_and_images_come_back(tmp_path):
    drawn = figure(2, 1)
    drawn.subplots().plot([1, 2])
    with TensorBoard(tmp_path, None) as board:
        histogram = Histogram(counts=np.array([3, 1]), edges=np.array([0.0, 0.5, 1.0]))
        board.write(7, {"loss": np.float32(0.5), "gate": histogram, "curve": np.ones(4)})
        board.write(7, {"unit": "c[17]", "passage": ["\n", "$"]})
        board.image(7, "picture", png(drawn, dpi=50))
    events = read(tmp_path)
    assert numbers(tmp_path)["loss"] == [(7, 0.5)]
    value = events.Histograms("gate")[0].histogram_value
    assert list(value.bucket) == [3, 1]
    assert list(value.bucket_limit) == [0.5, 1.0]
    image = events.Images("picture")[0]
    assert (image.width, image.height) == (100, 50)
    assert image.encoded_image_string.startswith(b"\x89PNG")
    assert events.Tensors("unit/text_summary")[0].tensor_proto.string_val == [b"    c[17]"]
    assert {"curve", "passage"}.isdisjoint(events.Tags()["tensors"])


def test_what_is_not_finite_is_written_and_nothing_is_said(tmp_path, caplog):
    """tensorboardX would say of neither which run nor which tag."""
    with TensorBoard(tmp_path, None) as board:
        board.write(3, {"nan": np.float32("nan"), "infinite": np.inf, "ratio/layers.0.h": 1e300})
    assert caplog.records == []
    values = [numbers(tmp_path)[tag][0][1] for tag in ("nan", "infinite", "ratio/layers.0.h")]
    np.testing.assert_array_equal(values, [np.nan, np.inf, np.inf])  # they are float32


def test_settings_are_in_the_run_itself(tmp_path):
    with TensorBoard(tmp_path, None) as board:
        board.settings({"cell.name": "lstm", "seed": 3})
    assert b"lstm" in read(tmp_path).Tensors("settings/text_summary")[0].tensor_proto.string_val[0]


def test_a_chart_says_what_it_is_once_a_session(tmp_path):
    """And no more, as that would be most of the file."""
    sizes = []
    for count in (1, 2):
        directory = tmp_path / str(count)
        directory.mkdir()
        with TensorBoard(directory, None) as board:
            for step in range(count):
                board.write(step, {"encoder/state_gradient/state/reach": 5.0, "mine/own": 1.0})
        (file,) = directory.iterdir()
        sizes.append(file.stat().st_size)
    described = read(directory).summary_metadata["encoder/state_gradient/state/reach"]
    assert described.display_name == "encoder: reach (steps)"
    assert described.summary_description.startswith("Largest lag whose gradient is at least 1 %")
    assert read(directory).summary_metadata["mine/own"].display_name == ""
    assert numbers(directory).keys() == {"encoder/state_gradient/state/reach", "mine/own"}
    assert sizes[1] - sizes[0] < 150


def test_a_resumed_run_has_every_step_once(tmp_path):
    with TensorBoard(tmp_path, None) as board:
        for step in range(0, 50, 10):
            board.write(step, {"loss": float(step)})
    with TensorBoard(tmp_path, 20) as board:  # 30 and 40 were written but are past the checkpoint
        for step in range(30, 70, 10):
            board.write(step, {"loss": step + 0.5})
    assert numbers(tmp_path)["loss"] == [(0, 0), (10, 10), (20, 20), (30, 30.5), (40, 40.5), (50, 50.5), (60, 60.5)]


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
    assert len(numbers(tmp_path)["a"]) == 100
    board.close()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_kept(tmp_path, value):
    with TensorBoard(tmp_path, None) as board:
        board.write(0, {"a": value})
    np.testing.assert_equal(numbers(tmp_path)["a"][0][1], value)


def test_an_analysis_leaves_what_training_wrote_and_takes_the_place_of_an_earlier_one(tmp_path):
    with TensorBoard(tmp_path, None) as board:
        for step in range(0, 50, 10):
            board.write(step, {"loss": float(step)})
    for value in (1.0, 2.0):
        with TensorBoard.analysis(tmp_path, "lyapunov") as board:  # of a checkpoint from the middle
            board.write(20, {"lyapunov/largest": value})
    with TensorBoard.analysis(tmp_path, "paths") as board:
        board.write(40, {"paths/value": 3.0})
    assert steps(tmp_path, "loss") == [0, 10, 20, 30, 40]
    assert numbers(tmp_path)["lyapunov/largest"] == [(20, 2.0)]

    with TensorBoard(tmp_path, 30) as board:  # resumed from before the second analysis
        board.write(40, {"loss": 41.0})
    assert numbers(tmp_path)["loss"][-2:] == [(30, 30.0), (40, 41.0)]
    assert steps(tmp_path, "lyapunov/largest") == [20]
    assert steps(tmp_path, "paths/value") == []
