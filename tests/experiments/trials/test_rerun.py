"""A recorded trial run again: the same to the last bit, or told where it parts and why that is likely."""

import json
import math
import os
import re
import shutil
from pathlib import Path

import pytest

from experiments.config import ConfigError
from experiments.trials import diff, rerun
from rnnx.logbook.files import DamagedError
from tests.experiments.commands import run

pytestmark = pytest.mark.xdist_group("rerun")  # the trials that are run again are made once

SMALL = "--config=tests/experiments/study_small.py"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two trials that trained as one program, of the cell with the least to compile."""
    workdir = tmp_path_factory.mktemp("study") / "runs"
    done = run("sweep", SMALL, f"--workdir={workdir}", "--sweep=cell.name=rnn;seed=0:2", "--vectorize=2")
    assert done.returncode == 0, done.stderr
    return workdir / "adding" / "rnn" / "T5"


def again(source, workdir, **environment):
    return run("run", f"--from={source}", f"--workdir={workdir}", **environment)


@pytest.fixture
def twice(study, tmp_path):
    """A copy of a trial to be altered, and the directory of its second run, which stands there already."""
    source, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(study / "seed1", source)
    shutil.copytree(study / "seed1", second)
    return source, second


def test_the_second_of_two_trials_of_one_program_comes_out_bit_identical_alone(study, tmp_path):
    second = tmp_path / "again"
    done = again(study / "seed1", second)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"bit-identical to {study / 'seed1'}: metrics.jsonl and the last checkpoint." in done.stdout
    here, there = (json.loads((path / "config.json").read_text()) for path in (second, study / "seed1"))
    assert here["slots"] == there["slots"] == 2
    assert [here[part] for part in ("versions", "platform", "flags", "data")] == [
        there[part] for part in ("versions", "platform", "flags", "data")
    ]
    stamps = {path: path.stat().st_mtime_ns for path in second.rglob("*")}
    assert rerun.rerun(study / "seed1", second) == 0  # compares, and trains nothing
    assert {path: path.stat().st_mtime_ns for path in second.rglob("*")} == stamps


@pytest.mark.slow
def test_with_other_compiler_flags_it_parts_and_the_flags_are_named(study, tmp_path):
    """A real difference: LLVM's optimiser is off in tests, and here it is on."""
    assert "optimization_level=0" in os.environ["XLA_FLAGS"]
    done = again(study / "seed1", tmp_path / "again", XLA_FLAGS="")
    assert done.returncode == 1, done.stdout
    assert "not bit-identical" in done.stdout
    assert "metrics.jsonl: first, " in done.stdout
    assert "the last checkpoint: " in done.stdout
    assert "flags.XLA_FLAGS (--xla_backend_optimization_level=0 there,  here)" in done.stdout


def test_a_changed_number_is_named_by_step_and_tag(twice, capsys):
    source, second = twice
    lines = (source / "metrics.jsonl").read_text().splitlines(keepends=True)
    records = [json.loads(line) for line in lines]
    records[3]["train/loss"] *= 1 + 1e-3
    records[-1]["heldout/loss"] *= 1 + 1e-2
    (source / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    assert rerun.rerun(source, second) == 1
    told = capsys.readouterr().out
    assert "metrics.jsonl: first, train/loss at step 6 differs by 1.0e-03 of its size." in told
    assert "1 of the " in told
    assert "most of all: heldout/loss differs by 9.9e-03 of its size." in told
    assert "the last checkpoint: bit-identical." in told
    assert "The records name no difference" in told


def test_another_checkpoint_and_other_versions_are_told(twice, study, capsys):
    source, second = twice
    shutil.rmtree(source / "checkpoints")
    shutil.copytree(study / "seed0" / "checkpoints", source / "checkpoints")
    record = json.loads((source / "config.json").read_text())
    record["versions"]["jax"] = "0.9.0"
    (source / "config.json").write_text(json.dumps(record))
    assert rerun.rerun(source, second) == 1
    told = capsys.readouterr().out
    assert "metrics.jsonl: bit-identical." in told
    assert "arrays differ, most of all:" in told
    assert "Likely the reason: versions.jax (0.9.0 there," in told


def test_a_source_without_checkpoints_can_not_be_called_identical(twice, capsys):
    source, second = twice
    shutil.rmtree(source / "checkpoints")
    assert rerun.rerun(source, second) == 1
    told = capsys.readouterr().out
    assert f"the last checkpoint: {source} has none to compare." in told


def test_the_record_tells_what_can_decide_the_last_bits(study):
    record = json.loads((study / "seed0" / "config.json").read_text())
    assert {"jax", "jaxlib", "numpy", "optax", "flax", "python", "rnnx"} <= record["versions"].keys()
    assert {"system", "cpu", "cores", "usable_cores", "device", "devices", "backend"} <= record["platform"].keys()
    assert record["flags"]["XLA_FLAGS"] == os.environ["XLA_FLAGS"]
    assert record["flags"]["jax_enable_x64"] is False
    assert len(record["code"]) == 16
    assert record["slots"] == 2
    assert any("--vectorize=2" in argument for argument in record["argv"])


@pytest.fixture
def places(study, tmp_path):
    """Directories that can't be run again."""
    for name in ("unfinished", "failed", "other", "damaged"):
        shutil.copytree(study / "seed0", tmp_path / name)
    (tmp_path / "unfinished" / "DONE.json").unlink()
    (tmp_path / "failed" / "FAILED.json").write_text('{"error": "it diverged"}')
    record = json.loads((tmp_path / "other" / "config.json").read_text())
    record["config"]["cell"]["gone"] = 3
    (tmp_path / "other" / "config.json").write_text(json.dumps(record))
    (tmp_path / "damaged" / "config.json").write_text("[]")
    return {"tmp": tmp_path, "study": study}


@pytest.mark.parametrize(
    ("source", "workdir", "message"),
    [
        ("{tmp}/none", "{tmp}/again", "none has no config.json: give the directory of a trial"),
        ("{study}", "{tmp}/again", "has no config.json"),
        ("{tmp}/unfinished", "{tmp}/again", "unfinished is not finished"),
        ("{tmp}/failed", "{tmp}/again", "failed has failed, so there is no result to compare with: it diverged"),
        ("{tmp}/other", "{tmp}/again", "no config field named 'cell.gone'"),
        ("{tmp}/damaged", "{tmp}/again", "is damaged: it is not a JSON object"),
        ("{study}/seed0", "{study}/seed0", "is the trial itself"),
        ("{study}/seed0", "{study}/seed1", "holds a trial of another config: seed"),
    ],
)
def test_what_can_not_be_run_again_is_named(places, source, workdir, message):
    with pytest.raises((ConfigError, DamagedError), match=re.escape(message)):
        rerun.rerun(Path(source.format(**places)), Path(workdir.format(**places)))
    assert not (places["tmp"] / "again").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from=none", "--workdir={workdir}"], "--from=none has no config.json"),
        (["--from=none"], "--workdir is missing"),
        (["--from=none", "--workdir={workdir}", SMALL], "the config is the recorded one"),
        (["--from=none", "--workdir={workdir}", "--config.seed=3"], "--config.seed=3: with --from"),
    ],
)
def test_a_mistake_is_answered_by_one_line(tmp_path, arguments, message):
    done = run("run", *[argument.format(workdir=tmp_path / "again") for argument in arguments])
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.splitlines()
    assert message in line
    assert not (tmp_path / "again").exists()


def write(path, *records):
    path.mkdir()
    (path / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ({"a": 1.0}, {"a": 1.0}, []),
        ({"a": math.nan, "b": [1.0, -math.inf]}, {"a": math.nan, "b": [1.0, -math.inf]}, []),
        ({"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}, ["the numbers are the same and written in another way"]),
        (
            {"a": math.nan, "b": 1.0},
            {"a": math.nan, "b": 2.0},
            ["first, b at step 4 differs by 5.0e-01 of its size", "1 of the 2 final values differ"],
        ),
        ({"a": 1.0}, {"a": 2.0}, ["first, a at step 4 differs by 5.0e-01 of its size"]),
        ({"a": [1.0, 4.0]}, {"a": [1.0, 5.0]}, ["first, a at step 4 differs by 2.0e-01 of its size"]),
        ({"a": 0.0}, {"a": -1e-9}, ["first, a at step 4 differs by 1.0e+00 of its size"]),
        ({"a": 1.0}, {"a": math.nan}, ["first, a at step 4 differs and is not a number in both"]),
        ({"a": [1.0]}, {"a": [1.0, 1.0]}, ["first, a at step 4 differs and is not a number in both"]),
        ({"a": 1.0}, {}, ["first, a at step 4 differs and is not a number in both"]),
        ({"h": {"counts": [1, 2]}}, {"h": {"counts": [1, 4]}}, ["first, h.counts at step 4 differs by 5.0e-01"]),
    ],
)
def test_where_records_part(tmp_path, one, other, told):
    places = [write(tmp_path / name, {"step": 2}, {"step": 4} | record) for name, record in (("a", one), ("b", other))]
    found = diff.metrics(*places)
    assert len(found) >= len(told)
    assert all(sentence.startswith(expected) for sentence, expected in zip(found, told, strict=False))
    assert bool(found) == bool(told)


def test_a_record_that_only_one_has_is_named(tmp_path):
    one, other = write(tmp_path / "a", {"step": 2}, {"step": 4}), write(tmp_path / "b", {"step": 2})
    assert diff.metrics(one, other) == ["only one has a record of step 4"]
