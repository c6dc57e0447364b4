"""The table of headline numbers: what a row says of itself, and that all who read the table show what it says."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from rnnx.report import study, summary
from rnnx.report.comparison import compare
from rnnx.report.metrics import METRICS, final_tags, pinned_tags
from rnnx.report.pages import page
from tests.report.records import write_trial

BY_KEY = {metric.key: metric for metric in METRICS if metric.key}
REACH = "state_gradient/state/reach"


@pytest.mark.parametrize("metric", [m for m in METRICS if m.column], ids=lambda metric: metric.name)
def test_what_the_summary_shows_has_a_key_and_a_column_for_each_stage(metric):
    assert metric is BY_KEY[metric.key]
    assert len({metric.column.format(stage=stage) for stage in metric.stages}) == len(metric.stages)
    assert (metric.stages == ("training",)) == bool(metric.over_records)


def test_one_row_is_shown_wherever_it_says(tmp_path):
    write_trial(tmp_path / "a" / "0")
    write_trial(tmp_path / "b" / "0")
    studies = [study.read(tmp_path / name) for name in "ab"]
    rows = summary.rows(studies[0])
    assert summary.table(rows)[0]["reach_after_steps_median"] == rows[0].of("reach").median == 7
    assert "reach<br>steps" in page.render(studies[0], rows, [], "runs/one")
    assert {"reach before training", "reach after training"} <= {
        row.metric.name for row in compare(*studies, ("a", "b")).rows
    }
    assert final_tags([REACH]) == pinned_tags([REACH]) == [REACH]


def test_a_pattern_is_that_of_any_part_and_of_nothing_that_repeats_the_tag():
    pattern = BY_KEY["reach"].pattern
    tags = [REACH, f"layer0/backward/{REACH}", f"final/{REACH}", f"analysis/{REACH}"]
    assert [tag for tag in tags if re.fullmatch(pattern, tag)] == tags[:2]
    assert not re.fullmatch(BY_KEY["heldout_loss"].pattern, "final/heldout/loss")


@pytest.mark.parametrize(
    ("key", "record", "value", "which"),
    [
        ("gate_mean", {"gates/input/mean": 0.1, "gates/update/mean": 0.7}, 0.7, "update"),
        ("gate_mean", {"gates/input/mean": 0.1}, np.nan, ""),
        ("heldout_metric", {"heldout/loss": 1.0, "heldout/accuracy": 0.5, "heldout/other": 0.2}, 0.5, "accuracy"),
        ("heldout_loss", {"heldout/loss": 1.0, "heldout/accuracy": 0.5}, 1.0, ""),
    ],
)
def test_a_value_is_found_by_its_tag(key, record, value, which):
    trial = SimpleNamespace(after=record)
    np.testing.assert_equal(BY_KEY[key].of(trial, "after"), value)
    assert BY_KEY[key].name_in(record) == which


def test_a_value_over_all_of_training():
    trial = SimpleNamespace(records=[{"step": 0}, {"step": 1, "train/clipped": 0.2}, {"step": 2, "train/clipped": 0.6}])
    assert BY_KEY["clipped"].of(trial, "training") == pytest.approx(0.4)
    assert np.isnan(BY_KEY["clipped"].of(SimpleNamespace(records=[{"step": 0}]), "training"))
