"""`metrics.jsonl`: what is written is read back, and a resumed run leaves no gap and no duplicate."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.logbook import MetricsFile, read_metrics
from rnnx.logbook.jsonl import plain
from rnnx.types import Histogram


def test_values_come_back_as_plain_numbers(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsFile(path, None) as metrics:
        histogram = Histogram(counts=jnp.array([1, 2]), edges=jnp.array([0.0, 0.5, 1.0]))
        metrics.write(5, {"scalar": jnp.float32(0.25), "curve": np.array([1.0, -np.inf, np.nan]), "h": histogram})
        metrics.write(6, {"text": "“é\0", "texts": ["\n", "\0", "$"]})
    record, texts = read_metrics(path)
    assert texts == {"step": 6, "text": "“é\0", "texts": ["\n", "\0", "$"]}
    assert record["step"] == 5
    assert record["scalar"] == 0.25
    assert record["curve"][:2] == [1.0, -math.inf]
    assert math.isnan(record["curve"][2])
    assert record["h"] == {"edges": [0.0, 0.5, 1.0], "counts": [1, 2]}


def test_lists_are_of_texts_as_they_are_or_of_numbers():
    assert plain(["a", "\n", "\0"]) == ["a", "\n", "\0"]
    assert plain([jnp.float32(1), jnp.float32(2)]) == [1.0, 2.0]


def test_resuming_drops_what_will_be_done_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsFile(path, None) as metrics:
        for step in (0, 10, 20, 30):
            metrics.write(step, {"x": step})
    with MetricsFile(path, 20) as metrics:
        assert [record["step"] for record in metrics.records] == [0, 10, 20]
        metrics.write(30, {"x": 31})
    assert [(record["step"], record["x"]) for record in read_metrics(path)] == [(0, 0), (10, 10), (20, 20), (30, 31)]


def test_a_start_without_checkpoint_starts_the_record_anew(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsFile(path, None) as metrics:
        metrics.write(0, {})
    with MetricsFile(path, None) as metrics:
        assert metrics.records == []
    assert read_metrics(path) == []


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 0}\n{"step": 10, "x": 0.')
    assert read_metrics(path) == [{"step": 0}]


@pytest.mark.parametrize(
    "line",
    [
        b'{"st\x00ep": 10, ',
        b"5",
        b"[]",
        b"{}",
        b'{"step": "10"}',
        b'{"step": 10, "x": "\xff"}',
        b"",
        b"[" * 100_000,
        b"\x80\x04N.",
    ],
)
def test_a_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 0}\n' + line + b'\n{"step": 20}\n')
    with pytest.raises(ValueError, match=r"metrics\.jsonl, line 2: not a JSON object with a step; the file is damaged"):
        read_metrics(path)


@pytest.mark.parametrize("kept", ["", '{"step": 0}\n', '{"step": 0}\n{"step": 10}\n{"step": 3'])
def test_a_record_that_lacks_the_step_of_the_checkpoint_is_refused_and_left_alone(tmp_path, kept):
    path = tmp_path / "metrics.jsonl"
    path.write_text(kept)
    with pytest.raises(ValueError, match=r"metrics\.jsonl lacks step 30, of which there is a checkpoint"):
        MetricsFile(path, 30)
    assert path.read_text() == kept
