import copy
import shutil
from pathlib import Path

import pytest

from scripts.benchmark.layers import record
from scripts.benchmark.layers.point import Point
from tests.benchmark import records

ROOT = Path(__file__).parents[3]
LSTM = Point("lstm", hidden=256, batch=8, layers=1, steps=100)
GRU = Point("gru", hidden=32, batch=8, layers=1, steps=100)


def test_a_record_survives_its_file_and_has_a_line_for_each_point(tmp_path):
    path = tmp_path / "folder" / "record.json"
    record.write(path, records.small())
    assert record.read(path) == records.small()
    assert sum(line.startswith('  {"cell":') for line in path.read_text().splitlines()) == 2


def test_an_empty_record_survives_too(tmp_path):
    path = tmp_path / "record.json"
    record.write(path, records.small() | {"points": []})
    assert record.read(path)["points"] == []


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"form": 7}', '{"form": 1, "poi'])
def test_what_is_no_record_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="not a record of this benchmark") as caught:
        record.read(path)
    assert "\n" not in str(caught.value)


def test_a_point_is_there_when_all_its_contestants_are_and_none_failed():
    small = records.small()
    assert record.has(small, LSTM, ["rnnx", "flax", "torch"])
    assert not record.has(small, LSTM, ["rnnx", "keras"])
    assert not record.has(small, GRU, ["rnnx", "flax"])  # it failed there
    assert not record.has(small, LSTM._replace(batch=9), ["rnnx"])


def test_a_point_measured_again_replaces_the_old_one():
    small = records.small()
    new = records.entry({"rnnx": records.timed(1.0, 2.0)})
    record.add(small, new)
    assert [entry["cell"] for entry in small["points"]] == ["gru", "lstm"]
    assert small["points"][1] == new


def test_times_that_a_run_would_drop_are_known_before_it():
    small = records.small()
    assert record.lost(small, LSTM, ["rnnx", "flax"]) == ["haiku", "torch"]
    assert record.lost(small, GRU, ["rnnx", "haiku", "torch"]) == []  # flax failed: nothing to lose
    assert record.lost(small, LSTM._replace(steps=9), ["rnnx"]) == []


def test_records_of_other_versions_machines_or_source_differ():
    old, new = records.small(), copy.deepcopy(records.small())
    assert record.differences(old, new) == []
    new["contestants"]["torch"]["versions"]["torch"] = "2.0"
    new["machine"]["cores"] = 4
    new["source"] = "ba9876543210"
    assert record.differences(old, new) == [
        "machine cores 2 → 4",
        "rnnx's source 0123456789ab → ba9876543210",
        "torch's torch 1.0 → 2.0",
    ]


def test_another_choice_of_peers_is_no_difference_and_merges():
    old = records.small()
    new = record.new(records.MACHINE, {"rnnx": records.about(package="rnnx"), "keras": records.about()})
    new["source"] = old["source"]
    assert record.differences(old, new) == []
    merged = record.merge(old, new)
    assert list(merged["contestants"]) == ["rnnx", "flax", "haiku", "torch", "keras"]
    assert merged["points"] == old["points"]


def test_the_source_changes_with_the_timed_code_only(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "_ROOT", shutil.copytree(ROOT / "rnnx", tmp_path / "rnnx").parent)
    before = record.source()
    (tmp_path / "rnnx" / "gradient_flow.py").write_text("# changed")
    assert record.source() == before
    with (tmp_path / "rnnx" / "engines" / "scan.py").open("a") as file:
        file.write("changed = True\n")
    assert record.source() != before


def test_comments_and_docstrings_are_no_code():
    text = '"""A module."""\n\n\ndef double(x):\n    """Twice."""\n    return x + x  # exact\n'
    assert record.code(text) == record.code(text.replace("Twice", "2 x").replace("exact", "no rounding"))
    assert record.code(text) != record.code(text.replace("x + x", "2 * x"))
