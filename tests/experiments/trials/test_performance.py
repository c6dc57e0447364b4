"""What a trial did to the machine: speed without compiling, a second run that compiles nothing, and traces."""

import gzip
import json
import re
import resource
import subprocess
import sys
import time
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import build, config, cost
from experiments.trials import compilation
from experiments.trials.performance import Performance
from experiments.trials.profiling import Profile
from tests.experiments import study_small
from tests.experiments.commands import ROOT, command, run
from tests.helpers import board_events


def small():
    given = study_small.get_config()
    given.cell.name, given.diagnostics = "rnn", ("state_gradient",)  # little to compile
    return config.parse(given)


def lines(directory):
    return [json.loads(line) for line in (directory / "performance.jsonl").read_text().splitlines()]


def new_program(size):
    """One that was not compiled before, and takes a tenth of a second to compile and no time to run."""
    return jax.jit(lambda a: sum(jnp.sin(a * n) @ a for n in range(size)))


def test_speed_is_without_compiling(tmp_path):
    begun = time.monotonic()
    session = Performance(tmp_path, small(), width=3)  # traces the training program, to count its operations
    started = time.monotonic()
    new_program(80)(np.eye(3, dtype=np.float32)).block_until_ready()
    elapsed = time.monotonic() - started
    session.dispatched(10, elapsed)
    told = session.record(10)
    assert 0 < 10 / told["performance/steps_per_second"] < elapsed / 3
    assert elapsed / 3 < told["performance/compile_seconds"] < time.monotonic() - begun
    assert told["performance/programs_compiled"] + told["performance/programs_loaded"] >= 1
    # Each trial makes so many steps; the operations are of all three. Values have four digits.
    operations = 3 * cost.training_flops(small()) * told["performance/steps_per_second"]
    np.testing.assert_allclose(told["performance/gflop_per_second"] * 1e9, operations, rtol=2e-3)
    assert 50 < told["performance/peak_memory_mib"] < 100_000


def test_what_is_compiled_while_tracing_is_counted_once():
    def outer(a):
        with jax.ensure_compile_time_eval():
            constant = new_program(60)(jnp.eye(3))
        return a @ constant

    before, started = compilation.stats(), time.time()
    jax.jit(outer).trace(np.eye(3, dtype=np.float32))
    elapsed = time.time() - started
    spent = compilation.stats().seconds - before.seconds
    assert 0.6 * elapsed < spent <= elapsed
    np.testing.assert_allclose(compilation.stats(since=started).seconds, spent, rtol=1e-6)


def test_speed_is_that_since_the_line_before(tmp_path):
    session = Performance(tmp_path, small())
    session.record(0)
    time.sleep(0.1)  # nothing was compiled in the times that follow
    for step, seconds in ((10, 0.01), (20, 0.04)):
        session.dispatched(10, seconds)
        session.record(step)
    assert [line["step"] for line in lines(tmp_path)] == [0, 10, 20]
    speeds = [line["performance/steps_per_second"] for line in lines(tmp_path)]
    assert np.isnan(speeds[0])
    assert speeds[1:] == [1000, 250]


def test_a_session_after_a_kill_goes_on_with_a_line_of_its_own(tmp_path):
    first = Performance(tmp_path, small())
    first.record(10)
    with open(tmp_path / "performance.jsonl", "a") as file:
        file.write('{"step": 20, "ti')
    second = Performance(tmp_path, small())
    second.record(20)
    assert [line["step"] for line in lines(tmp_path)] == [10, 20]


def test_a_value_and_its_row(tmp_path):
    document = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    rows = {tag for tag in re.findall("`(performance/[^`]+)`", document) if "." not in tag}
    accelerator = {"performance/peak_device_memory_mib"}
    assert Performance(tmp_path, small()).record(0).keys() | accelerator == rows


def test_a_second_run_compiles_nothing_and_a_trace_changes_no_result(tmp_path):
    last = {}
    for name, *profile in (("first", "--profile"), ("second",)):
        done = run(
            "run",
            "--config=tests/experiments/study_small.py",
            f"--workdir={tmp_path / name}",
            "--config.steps=10",
            "--config.cell.name=rnn",
            "--config.diagnostics=state_gradient",
            *profile,
            RNNX_CACHE_DIR=str(tmp_path / "cache"),
        )
        assert done.returncode == 0, done.stderr
        last[name] = lines(tmp_path / name)[-1]
    assert last["first"]["performance/programs_compiled"] >= 3, "initial values, training, measuring"
    assert last["second"]["performance/programs_compiled"] == 0
    assert last["second"]["performance/programs_loaded"] >= last["first"]["performance/programs_compiled"]
    records = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in last]
    assert records[0] == records[1]
    assert "jit_train" in {event["args"].get("hlo_module") for event in events(tmp_path / "first" / "profile")}
    assert not (tmp_path / "second" / "profile").exists()
    assert board_events.steps(tmp_path / "second", "performance/gflop_per_second") == [10]


COMPILE = """
import resource, sys, warnings
import jax, jax.numpy as jnp
from experiments.trials import compilation

largest, first, end = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
warnings.simplefilter("error" if largest == resource.RLIM_INFINITY else "ignore")
compilation.LIMIT = 60_000
compilation.enable_cache()
directory, looked = jax.config.jax_compilation_cache_dir, []
sys.addaudithook(lambda event, given: looked.append(event) if event == "os.scandir" and given[0] == directory else None)
for n in range(first, end):
    jax.jit(lambda a: jnp.sin(a) @ a[:, n:])(jnp.ones((40, 40))).block_until_ready()
assert not looked, "what a program costs depends on how many there are"
print(*compilation.stats()[1:])
"""


def compiling(cache, first, end, largest_file=resource.RLIM_INFINITY):
    """A process that makes some programs, of 3 KB or more each; a warning is an error if files may be of any size."""
    arguments = [sys.executable, "-c", COMPILE, *map(str, (largest_file, first, end))]
    given = command("run", RNNX_CACHE_DIR=str(cache)) | {"args": arguments}
    return subprocess.Popen(**given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def compiled_and_loaded(process):
    shown, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return [int(number) for number in shown.split()]


def sizes(cache):
    """Of the programs in it, in bytes."""
    return [path.stat().st_size for path in (cache / "jax").glob("*-cache")]


@pytest.mark.slow
def test_several_processes_share_a_cache_that_has_a_limit(tmp_path):
    together = [compiling(tmp_path, first, first + 20) for first in (0, 10)]
    made = [compiled_and_loaded(process) for process in together]
    assert min(map(sum, made)) >= 20
    assert sum(sizes(tmp_path)) > 60_000, "whoever compiles looks at none that is there"
    assert compiled_and_loaded(compiling(tmp_path, 0, 0)) == [0, 0]
    assert 40_000 < sum(sizes(tmp_path)) <= 60_000, "whoever comes next makes room"


@pytest.mark.slow
def test_a_cache_that_the_user_has_chosen_for_jax_is_used_as_it_is(tmp_path):
    """Without a limit of ours: it may hold other programs. One that is there already stays."""
    other = tmp_path / "own" / "other-cache"
    other.parent.mkdir()
    other.touch()
    given = command("run", RNNX_CACHE_DIR=str(tmp_path / "ours"), JAX_COMPILATION_CACHE_DIR=str(other.parent))
    done = subprocess.run(
        **given | {"args": [sys.executable, "-c", COMPILE, "-1", "0", "20"]}, capture_output=True, text=True, check=True
    )
    compiled, _ = map(int, done.stdout.split())
    assert compiled >= 20
    assert len(list(other.parent.glob("*-cache"))) > 20
    assert not (tmp_path / "ours").exists()


@pytest.mark.slow
def test_a_program_cut_off_on_its_way_to_the_disk_is_replaced(tmp_path):
    """No file of the first process may be larger than 2000 bytes: writing stops there, as on a full disk."""
    compiled_and_loaded(compiling(tmp_path, 0, 1, largest_file=2000))
    assert 2000 in sizes(tmp_path)
    compiled, _ = compiled_and_loaded(compiling(tmp_path, 0, 1))
    assert compiled >= 1
    assert 2000 not in sizes(tmp_path)
    compiled, loaded = compiled_and_loaded(compiling(tmp_path, 0, 1))
    assert compiled == 0
    assert loaded >= 1


def events(directory):
    """What is in a trace that began and ended somewhere, with what is said of it."""
    (path,) = (directory / "plugins" / "profile").glob("*/perfetto_trace.json.gz")
    with gzip.open(path) as file:
        trace = json.load(file)["traceEvents"]
    assert list(path.parent.glob("*.xplane.pb"))
    return [{"args": {}} | event for event in trace if event.get("ph") == "X"]


@pytest.mark.parametrize(("dispatches", "traced"), [(5, [4, 6]), pytest.param(2, [4], marks=pytest.mark.slow)])
def test_a_trace_shows_the_training_program(tmp_path, dispatches, traced):
    """Of the second dispatch and the third, or as many of these as there are."""
    given = small()
    program, hyperparameters = build.program(given), build.hyperparameters(given)
    state = program.init(0)
    with Profile(tmp_path) as profile:
        for step in range(given.log_every, given.log_every * (dispatches + 1), given.log_every):
            with profile.dispatch(step):
                state, _ = jax.block_until_ready(program.train(state, hyperparameters))
    found = events(tmp_path)
    steps = [int(event["args"]["step_num"]) for event in found if event["name"].startswith("dispatch")]
    assert sorted(steps) == traced
    modules = Counter(event["args"].get("hlo_module") for event in found)
    assert modules["jit_train"] > len(traced) * given.log_every * given.length, "an operation a step of time"


def test_without_a_directory_nothing_is_traced(tmp_path):
    with Profile(None, first=1) as profile, profile.dispatch(1):
        jax.profiler.start_trace(str(tmp_path))  # raises where another is under way
        jax.profiler.stop_trace()
