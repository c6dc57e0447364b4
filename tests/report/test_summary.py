import math

import pytest

from rnnx.report import study, summary
from tests.report.records import write_trial


def table(workdir):
    return summary.table(summary.rows(study.read(workdir)))


def three(row, name):
    return [row[f"{name}_{which}"] for which in ("median", "min", "max")]


def test_numbers_are_medians_and_ranges_over_seeds(tmp_path):
    gates = {"gates/forget/mean": 0.7, "gates/input/mean": 0.5, "heldout/accuracy": 0.9}
    for seed, loss, before, after in ((0, 0.3, -0.5, -0.1), (1, 0.1, -0.25, -0.3), (2, 0.15, -0.4, 0.2)):
        write_trial(tmp_path / str(seed), seed=seed, loss=loss, slopes=(before, after), extra=gates, floor=0.2)
    (row,) = table(tmp_path)
    assert (row["task"], row["length_steps"], row["variant"]) == ("adding", 8, "rnn")
    assert (row["trials"], row["done"], row["unfinished"], row["failed"]) == (3, 3, 0, 0)
    assert (row["no_memory_loss"], row["loss_unit"]) == (0.2, "mean squared error")
    assert three(row, "heldout_loss") == [0.15, 0.1, 0.3]
    assert three(row, "decay_rate_before_nats_per_step") == [-0.4, -0.5, -0.25]
    assert three(row, "decay_rate_after_nats_per_step") == [-0.1, -0.3, 0.2]
    # e^-1 is passed after 1/0.5, 1/0.25, 1/0.4 = 2.5 steps before; after training 7 of 8 lags, 3.3 and all.
    assert three(row, "horizon_before_steps") == [2, 2, 4]
    assert three(row, "horizon_after_steps") == [7, 3, 7]
    assert three(row, "recurrent_weight_gradient_after_log10") == [-0.1, -0.3, 0.2]
    assert (row["gate"], *three(row, "gate_mean_after")) == ("forget", 0.7, 0.7, 0.7)
    assert (row["metric"], *three(row, "heldout_metric")) == ("accuracy", 0.9, 0.9, 0.9)
    # The records stand for as many steps each, with 0.2 and 0.4 of them clipped.
    assert three(row, "clipped_share_of_steps") == pytest.approx([0.3, 0.3, 0.3])


def test_unfinished_and_failed_trials_count_as_far_as_they_got(tmp_path):
    write_trial(tmp_path / "0", seed=0, loss=0.1)
    write_trial(tmp_path / "1", seed=1, status="failed", measured=2)  # held-out loss 0.5 at step 10
    write_trial(tmp_path / "2", seed=2, status="unfinished", measured=1)
    write_trial(tmp_path / "3", seed=3, status="unfinished", measured=0)
    (row,) = table(tmp_path)
    assert (row["trials"], row["done"], row["unfinished"], row["failed"]) == (4, 1, 2, 1)
    assert three(row, "heldout_loss") == pytest.approx([0.3, 0.1, 0.5])
    assert three(row, "decay_rate_before_nats_per_step") == [-0.5, -0.5, -0.5]


def test_what_was_not_measured_is_nan(tmp_path):
    write_trial(tmp_path / "0", measured=0, status="unfinished")
    (row,) = table(tmp_path)
    assert all(math.isnan(value) for value in three(row, "heldout_loss") + three(row, "decay_rate_after_nats_per_step"))
    assert row["gate"] == row["metric"] == ""


def test_a_loss_that_is_not_a_number_is_left_out_and_the_trial_is_known(tmp_path):
    write_trial(tmp_path / "0", seed=0, loss=math.nan)
    write_trial(tmp_path / "1", seed=1, loss=0.1)
    (row,) = table(tmp_path)
    assert three(row, "heldout_loss") == [0.1, 0.1, 0.1]
    assert [trial.blown_up for trial in study.read(tmp_path).trials] == [True, False]


def test_rows_are_ordered_by_task_length_and_variant(tmp_path):
    for name, cell, length in (("a", "rnn", 16), ("b", "gru", 8), ("c", "rnn", 8)):
        write_trial(tmp_path / name, cell=cell, length=length)
    assert [(row["length_steps"], row["variant"]) for row in table(tmp_path)] == [(8, "rnn"), (8, "gru"), (16, "rnn")]


def test_every_trial_has_a_row_of_its_own(tmp_path):
    write_trial(tmp_path / "a", cell="rnn", loss=0.1)
    write_trial(tmp_path / "b", cell="lstm", settings={"cell.forget_bias": 1.0}, measured=1, status="unfinished")
    a, b = summary.trials_table(study.read(tmp_path))
    assert list(a) == list(b)
    assert (a["trial"], a["status"], a["steps_done"]) == ("a", "done", 20)
    assert (a["cell.forget_bias"], b["cell.forget_bias"]) == ("", "1")
    assert (a["heldout/loss before"], a["heldout/loss after"]) == (1.0, 0.1)
    assert math.isnan(b["heldout/loss after"])
