"""The study beside PyTorch and Flax: the scripts measure the same, train, and are timed from start to end."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scripts.benchmark import record as records
from scripts.benchmark.interpreters import PEERS, PYTHON, ROOT, WorkerError
from scripts.benchmark.layers.equality import UnequalError
from scripts.benchmark.study import candidates, equality, outputs, page, record, results, spec, timing
from scripts.benchmark.study.candidates import Candidate
from scripts.benchmark.study.spec import Study
from tests.experiments.commands import run
from tests.variants import slow_unless

pytestmark = pytest.mark.xdist_group("study")  # what is asked of all is made once

SMALL = Study(cells=("rnn",), lengths=(4,), seeds=2, steps=200, measure_every=100)


def installed(library):
    if not Path(PYTHON[library]).exists():
        pytest.skip(f"there is no {PYTHON[library]}")


@pytest.fixture(scope="module")
def posed():
    study = Study(hidden=16, heldout=8)
    return {cell: equality.reference_problem(cell, study) for cell in study.cells}


@pytest.mark.parametrize("library", slow_unless(lambda library: library == "torch", PEERS))
def test_a_script_measures_what_rnnx_measures(library, posed):
    installed(library)
    given, versions = equality.query(library, {cell: question for cell, (question, _) in posed.items()})
    for cell, (_, wanted) in posed.items():
        assert wanted["norms"].shape == (equality.LENGTH, 8)
        assert np.isfinite(wanted["norms"]).all()
        # float32, as for TOLERANCE; a tenth of it leaves room for other machines.
        assert equality.difference(given[cell], wanted, cell) < equality.TOLERANCE / 10
    assert library in versions


def swapped_gates(question):
    i, f, *rest = np.split(question["recurrent_kernel"], 4, axis=1)
    return {"recurrent_kernel": np.concatenate([f, i, *rest], axis=1)}


@pytest.mark.parametrize(
    "mistake",
    [
        swapped_gates,
        lambda question: {"bias": np.roll(question["bias"], 16)},
        lambda question: {"readout_kernel": -question["readout_kernel"]},
        lambda question: {"xs": question["xs"][::-1]},
    ],
    ids=["gate order", "bias of another gate", "readout", "time reversed"],
)
def test_a_mistake_is_far_above_the_tolerance(mistake, posed):
    question, wanted = posed["lstm"]
    loss, norms = outputs.answer("flax", "lstm", question | mistake(question))
    with pytest.raises(UnequalError, match="differs by"):
        equality.difference({"loss": np.asarray(loss), "norms": np.asarray(norms)}, wanted, "lstm")
    assert np.max(np.abs(norms - wanted["norms"])) > 100 * equality.TOLERANCE


def test_the_gradient_at_c_is_without_its_way_through_h(posed):
    """PyTorch's `c.grad` after `h, c = cell(x, (h, c))` is the other one; the difference must not pass."""
    question, wanted = posed["lstm"]
    question = {name: jnp.asarray(value) for name, value in question.items()}
    zeros = jnp.zeros((equality.LENGTH, 8, 16))

    def loss(added, through_h):
        def step(state, given):
            (h, c), (x, to_h, to_c) = state, given
            before = x @ question["input_kernel"] + h @ question["recurrent_kernel"] + question["bias"]
            i, f, g, o = jnp.split(before, 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c + to_c if through_h else c) + to_h
            return (h, c + to_c), None

        (h, _), _ = jax.lax.scan(step, (zeros[0], zeros[0]), (question["xs"], *added))
        answers = (h @ question["readout_kernel"] + question["readout_bias"])[:, 0]
        return jnp.mean((answers - question["targets"]) ** 2)

    def measured(through_h):
        value, gradients = jax.jit(jax.value_and_grad(lambda added: loss(added, through_h)))((zeros, zeros))
        norms = jnp.log10(jnp.linalg.norm(jnp.concatenate(gradients, axis=-1), axis=-1))
        return {"loss": np.asarray(value), "norms": np.asarray(norms)}

    assert equality.difference(measured(False), wanted, "lstm") < equality.TOLERANCE
    with pytest.raises(UnequalError, match="norms differs by"):
        equality.difference(measured(True), wanted, "lstm")
    assert np.max(np.abs(measured(True)["norms"] - wanted["norms"])) > 100 * equality.TOLERANCE


# One way for each, since each takes seconds: PyTorch's threads on all cores also get into the way of other tests.
@pytest.mark.slow
@pytest.mark.parametrize(("library", "jobs"), [("torch", 2), ("flax", 1)])
def test_a_script_trains_and_logs_every_trial(library, jobs, tmp_path):
    installed(library)
    command = [PYTHON[library], "-m", f"scripts.benchmark.study.{library}_study", f"--workdir={tmp_path}"]
    subprocess.run([*command, f"--jobs={jobs}", *spec.flags(SMALL)], cwd=ROOT, check=True, timeout=300)
    found = results.read(SMALL, tmp_path)["rnn T4"]
    # Var(u₁ + u₂) = 1/6 is the loss of a network without memory; after 200 steps one of four steps has learnt most.
    assert max(found.loss) < 1 / 12
    assert len(set(found.loss)) == 2, "the seeds are the same network"
    first = json.loads(spec.record_of(tmp_path, "rnn", 4, 0).read_text().splitlines()[0])
    assert first["step"] == 0
    # By lag: back through an orthogonal matrix and tanh' ≤ 1 the gradient can only become less.
    assert len(first[spec.CURVE]) == 4
    assert first[spec.CURVE] == sorted(first[spec.CURVE], reverse=True)


@pytest.mark.slow
def test_rnnx_runs_the_same_study_by_its_command_line(tmp_path):
    ours = candidates.of_study(SMALL, ["rnnx"])[0]
    study = SMALL._replace(steps=4, measure_every=2)
    python, _, module, *arguments = ours.command(study, tmp_path)
    assert (python, module) == (sys.executable, "experiments.sweep")
    done = run("sweep", *arguments)
    assert done.returncode == 0, done.stderr
    assert len(results.read(study, tmp_path)["rnn T4"].loss) == 2
    config = json.loads((tmp_path / "adding/rnn/T4/seed1/config.json").read_text())["config"]
    assert (config["batch_size"], config["measure_batch_size"], config["cell"]["hidden_size"]) == (32, 128, 32)
    assert (config["learning_rate"], config["clip_norm"], config["optimizer"]) == (3e-3, 1.0, "adam")
    assert config["diagnostics"] == ["state_gradient"]


# Notes down how many steps it is asked for and whether there is a cache, and takes a millisecond for each step.
_STAND_IN = """
import json, os, sys, time
from pathlib import Path
from scripts.benchmark.study import spec
study, workdir, status, notes = spec.Study(*json.loads(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
cache = Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
with open(notes, "a") as file:
    print(json.dumps([study.steps, cache.exists(), os.environ["RNNX_CACHE_DIR"] == str(cache)]), file=file)
cache.mkdir(exist_ok=True)
time.sleep(study.steps / 1000)
for cell, length in study.points:
    for seed in range(study.seeds):
        path = spec.record_of(workdir, cell, length, seed)
        path.parent.mkdir(parents=True)
        records = [{"step": step, spec.LOSS: step, spec.CURVE: [0.0, -step]}
                   for step in range(0, study.steps + 1, study.measure_every)]
        path.write_text("".join(json.dumps(record) + chr(10) for record in records))
if status: print("it is no use")
sys.exit(status)
"""


def stand_in(notes, status=0, shorter=0):
    def command(study, workdir):
        run = study._replace(steps=study.steps - shorter)
        return [sys.executable, "-c", _STAND_IN, json.dumps(run), str(workdir), str(status), str(notes)]

    return Candidate("one", "flax", "", command)


def test_a_cold_run_a_warm_one_and_a_shorter_one(tmp_path):
    seconds, found = timing.time_all(stand_in(tmp_path / "notes"), SMALL)
    assert found == {"rnn T4": results.Found(loss=[200, 200], furthest=[-200, -200])}
    assert list(seconds) == ["cold", "warm", "half"]
    notes = [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    assert notes == [[200, False, True], [200, True, True], [100, True, True]]
    # Sleeping takes at least its time, and the start of Python is in it.
    assert seconds["cold"] > 0.2
    assert seconds["warm"] > 0.2
    assert seconds["half"] > 0.1


def test_training_alone_is_what_more_steps_cost():
    study = SMALL._replace(steps=500)
    assert timing.half(study) == 200
    # 300 steps more take 6 s, so 500 take 10 s.
    assert timing.training(study, {"cold": 30.0, "warm": 15.0, "half": 9.0}) == pytest.approx(10.0)
    assert timing.training(study, {"warm": 3.0, "half": 3.1}) is None
    assert timing.training(study, {"cold": 3.0}) is None


def test_what_is_run_once_is_run_cold(tmp_path):
    seconds, found = timing.time_all(stand_in(tmp_path / "notes")._replace(once=True), SMALL)
    assert list(seconds) == ["cold"]
    assert list(found) == ["rnn T4"]


def test_what_failed_or_left_something_out_is_not_timed(tmp_path):
    with pytest.raises(WorkerError, match="one ended with status 3: it is no use"):
        timing.time_all(stand_in(tmp_path / "notes", status=3), SMALL)
    with pytest.raises(WorkerError, match="does not hold a measurement every 100 steps up to 200"):
        timing.time_all(stand_in(tmp_path / "notes", shorter=100), SMALL)


def findings(seed, shift=0.0, points=12):
    draws = np.random.default_rng(seed).normal(size=(points, 2, 8))
    return {f"p{n}": results.Found(list(a + shift), [*b[:7], -np.inf]) for n, (a, b) in enumerate(draws)}


def test_trainings_that_differ_are_named_and_others_are_not():
    same = {"torch": results.chances(findings(100), findings(10)), "flax": results.chances(findings(100), findings(2))}
    smallest = min(chance for points in same.values() for found in points.values() for chance in found.values())
    assert smallest < results.CHANCE, "one of 48 would be named if it were the only one"
    assert results.unlike(same) == []
    # Five standard deviations: no seed of the one is within those of the other.
    shifted = {"torch": same["torch"], "flax": results.chances(findings(100), findings(2, shift=5.0))}
    named = results.unlike(shifted)
    assert len(named) == 12
    assert all(name.startswith("flax, p") and ", loss (p = 0.0002)" in name for name in named)


def small_record():
    """rnnx takes 10 s cold, 5 s warm and 4 s of training; torch 40 and 20, flax three times as long as rnnx."""
    study = Study(cells=("rnn",), lengths=(16,), seeds=8)
    new = record.new(
        study, False, {"torch": {"rnn": 2e-6}, "flax": {"rnn": 3e-6}}, {"torch": {"torch": "1"}, "flax": {}}
    )
    found = {"rnn T16": results.Found([0.1] * 8, [-3.0] * 8)}
    times = {
        "rnnx": ("rnnx", {"cold": 10.0, "warm": 5.0, "half": 3.0}),
        "rnnx, all": ("rnnx", {"cold": 20.0}),
        "torch, 1 process": ("torch", {"warm": 40.0, "half": 20.0}),
        "torch, 2 processes": ("torch", {"warm": 20.0, "half": 12.0}),
        "flax, 1 process": ("flax", {"cold": 30.0, "warm": 15.0, "half": 9.0}),
    }
    for name, (library, seconds) in times.items():
        contestant = Candidate(name, library, "about", lambda study, workdir: [])
        record.add(new, contestant, study, seconds, found)
    return new


def test_the_page_compares_the_fastest_of_each(tmp_path):
    ours = small_record()
    assert [page.ratio(ours, "torch", kind) for kind in page.KINDS] == [2.0, 4.0, 4.0]
    assert [page.ratio(ours, "flax", kind) for kind in page.KINDS] == [3.0, 3.0, 3.0]
    text = page.page(ours)
    assert "| with start-up, nothing compiled before | ×2.0 | ×3.0 |" in text
    assert "| torch, 2 processes | about | 20.0 | 20.0 | 16.0 | 24 | torch 1 |" in text
    assert "| rnnx, all | about | 20.0 | – | – | 24 |" in text
    assert "| rnn T16 | 0.1000 | 0.1000 | 0.1000 | -3.00 | -3.00 | -3.00 |" in text
    assert "Nowhere do two differ" in text
    few = page.page(ours | {"study": ours["study"] | {"seeds": 7}, "busy": True})
    assert "too few seeds to tell" in few
    assert "The machine was busy" in few
    records.write(tmp_path / "study.json", ours)
    assert page.page(json.loads((tmp_path / "study.json").read_text())) == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cells=lsmt"], "--cells: 'lsmt' is none of rnn, lstm, gru."),
        (["--lengths=16,x"], "--lengths: 'x' is not a whole number above 1."),
        (["--seeds=0"], "--seeds must be at least 1, not 0."),
        (["--steps=70"], "--steps must be a multiple of --measure_every (50), not 70."),
        (["--peers=trch"], "--peers: 'trch' is none of torch, flax."),
        (["--out=results.txt"], "--out=results.txt must be a .json file."),
        (["--only=trch*"], "--only='trch*' matches no contestant."),
        (["--stps=1"], "unrecognized arguments: --stps=1"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments, message, monkeypatch, capsys):
    from scripts.benchmark.study import __main__ as command

    monkeypatch.setattr(sys, "argv", ["study", *arguments])
    with pytest.raises(SystemExit) as caught:
        command.main()
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"bench study: {message}\n"


@pytest.mark.slow
def test_a_run_from_flags_to_page(tmp_path):
    out = tmp_path / "study.json"
    part = ["--cells=rnn", "--lengths=4", "--seeds=2", "--steps=4", "--measure_every=2", "--peers=flax"]
    some = ["--only=rnnx*", "--only=*1 process"]
    command = [sys.executable, "-m", "scripts.benchmark.study", *part, *some, f"--out={out}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())["contestants"]
    assert list(found) == ["rnnx", "rnnx, vectorized", "rnnx, all measurements", "flax, 1 process"]
    for name, entry in found.items():
        kinds = ["cold"] if name == "rnnx, all measurements" else ["cold", "warm", "half"]
        assert list(entry["seconds"]) == kinds
    assert "| rnn T4 |" in out.with_suffix(".md").read_text()
