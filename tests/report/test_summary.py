import json
import math
from types import SimpleNamespace

import pytest

from rnnx.report import study, summary
from rnnx.report.metrics import METRICS
from rnnx.report.pages import page
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


def test_what_the_test_split_told_is_in_the_table_and_on_the_page(tmp_path):
    for seed, last, best in ((0, 0.5, 0.25), (1, 0.75, 0.5)):
        write_trial(tmp_path / str(seed), seed=seed)
        test = {"last": {"loss": last, "accuracy": 0.125}, "best": {"loss": best, "accuracy": 0.875}}
        (tmp_path / str(seed) / "DONE.json").write_text(json.dumps({"test": test}))
    found = study.read(tmp_path)
    rows = summary.rows(found)
    (row,) = summary.table(rows)
    assert three(row, "test_loss_last") == [0.625, 0.5, 0.75]
    assert three(row, "test_loss_best") == [0.375, 0.25, 0.5]
    assert three(row, "test_accuracy_best") == [0.875] * 3
    assert [trial["test/best/accuracy after"] for trial in summary.trials_table(found)] == [0.875, 0.875]
    shown = page.render(found, rows, [], "runs")
    assert "test split" in shown
    assert "0.875" in shown


def test_simple_predictors_stand_beside_a_network_in_the_table_and_on_the_page(tmp_path):
    for cell, loss in (("gru", 0.25), ("rnn", 0.75)):
        write_trial(tmp_path / cell, cell=cell)
        test = {which: {"loss": loss, "corr": 0.5} for which in ("last", "best")}
        told = {"test": test, "baselines": {"last value": {"loss": 0.5, "corr": 0.875}, "AR": {"loss": 1.0, "corr": 0}}}
        (tmp_path / cell / "DONE.json").write_text(json.dumps(told))
    found = study.read(tmp_path)
    rows = summary.rows(found)
    assert [summary.against_baselines(row) for row in rows] == [
        "better than last value and AR",
        "better than AR, not better than last value",
    ]
    table = summary.table(rows)
    assert [row["test_corr_last_value"] for row in table] == [0.875] * 2
    assert [row["test_loss_AR"] for row in table] == [1.0] * 2
    shown = " ".join(page.render(found, rows, [], "runs").split())
    assert shown.count('adding, T = 8, last value</td><td class="word">corr</td> <td>0.875') == 1
    assert "adding, T = 8, rnn: better than AR, not better than last value, by the loss" in shown


def test_the_recurrent_kernel_inside_of_a_combinator_is_found_unless_there_are_two():
    one = {"weight_gradient/cell.recurrent_kernel/log10_norm": -2.0}
    other = {"weight_gradient/other.recurrent_kernel/log10_norm": -3.0}
    (metric,) = (metric for metric in METRICS if metric.key == "weight_gradient")
    for record, wanted in ((one, -2.0), (one | other, math.nan)):
        trial = SimpleNamespace(before=record)
        assert metric.of(trial, "before") == pytest.approx(wanted, nan_ok=True)


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
    assert [trial.diverged for trial in study.read(tmp_path).trials] == [True, False]


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


def test_a_trial_of_a_model_with_two_parts_has_a_row_for_each(tmp_path):
    write_trial(tmp_path / "a")
    path = tmp_path / "a" / "metrics.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    rates = {"encoder/state_gradient/state/decay_rate": -0.1, "decoder/state_gradient/state/decay_rate": -0.2}
    whole = [{tag: value for tag, value in record.items() if "state_gradient" not in tag} for record in records]
    path.write_text("".join(json.dumps(record | rates) + "\n" for record in whole))
    rows = summary.trials_table(study.read(tmp_path))
    assert [(row["trial"], row["part"], row["state_gradient/state/decay_rate after"]) for row in rows] == [
        ("a", "decoder", -0.2),
        ("a", "encoder", -0.1),
    ]
