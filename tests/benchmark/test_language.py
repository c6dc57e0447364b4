"""The language models beside PyTorch and Flax: the scripts compute the same, train, write, and are timed."""

import itertools
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from experiments.analysis.writing import Writer
from rnnx import data
from rnnx.training import program
from scripts.benchmark import questions
from scripts.benchmark import record as records
from scripts.benchmark.interpreters import PYTHON, ROOT, WorkerError
from scripts.benchmark.language import (
    __main__,
    candidates,
    corpus,
    equality,
    flax_training,
    outputs,
    page,
    record,
    rnnx_training,
    spec,
    timing,
)
from scripts.benchmark.language.candidates import WRITING, Candidate, Places, training_of
from scripts.benchmark.language.spec import Settings, Training
from scripts.benchmark.language.timing import Sample
from scripts.benchmark.layers.equality import UnequalError

pytestmark = pytest.mark.xdist_group("language")  # what is asked of all is made once

HIDDEN = 16
TEXT = "abc\n" * 500
OUTPUTS = "scripts.benchmark.language.outputs"


@pytest.fixture
def torch_script(monkeypatch):
    """What a command of PyTorch's prints; with one thread, since several wait for each other while other tests run."""
    if not Path(PYTHON["torch"]).exists():
        pytest.skip(f"there is no {PYTHON['torch']}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return lambda command: subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("language") / "text.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def training(text):
    return equality.training_problem(text, HIDDEN)


@pytest.fixture(scope="module")
def writer(text):
    """A model as `experiments.generate` has it, untrained."""
    task = rnnx.tasks.get("characters")(path=str(text))
    model = partial(rnnx.models.get("sequence"), rnnx.lstm(HIDDEN), task)
    graphdef, params = program.split(model, jax.random.key(0))
    return Writer(graphdef, params, task.vocabulary, rnnx.plain_run, None, None, None)


def flax_answer(posed):
    return {name: np.asarray(value) for name, value in outputs.answer("flax", "training", posed).items()}


def test_a_flax_script_has_the_loss_and_the_gradient_that_rnnx_has(training):
    posed, wanted = training
    assert set(wanted) == {"loss", *outputs.WEIGHTS}
    given = flax_answer(posed)
    # float32, as for TOLERANCE; a tenth of it leaves room for other machines.
    assert equality.difference(given, wanted, "flax") < equality.TOLERANCE / 10


def swapped_gates(question):
    i, f, *rest = np.split(question["recurrent_kernel"], 4, axis=1)
    return {"recurrent_kernel": np.concatenate([f, i, *rest], axis=1)}


@pytest.mark.parametrize(
    "mistake",
    [
        swapped_gates,
        lambda question: {"bias": np.roll(question["bias"], HIDDEN)},
        lambda question: {"readout_bias": 0 * question["readout_bias"]},
        lambda question: {"embedding": question["embedding"][::-1]},
        lambda question: {"inputs": question["inputs"][::-1], "targets": question["targets"][::-1]},
    ],
    ids=["gate order", "bias of another gate", "no bias of the readout", "other characters", "time reversed"],
)
def test_a_mistake_is_far_above_the_tolerance(mistake, training):
    posed, wanted = training
    given = {
        name: np.asarray(value) for name, value in outputs.answer("flax", "training", posed | mistake(posed)).items()
    }
    with pytest.raises(UnequalError, match="differs by"):
        equality.difference(given, wanted, "flax")
    assert np.linalg.norm(given["bias"] - wanted["bias"]) > 100 * equality.TOLERANCE * np.linalg.norm(wanted["bias"])


def test_what_is_written_after_is_what_the_model_says_of_the_whole_text(writer):
    posed, wanted = equality.writing_problem(writer)
    batch = rnnx.Batch(jnp.asarray(posed["tokens"])[:, None], None, jnp.ones((equality.TOKENS, 1)))
    whole = jax.jit(lambda params: nnx.merge(writer.model, params)(batch)[:, 0])(writer.params)
    np.testing.assert_allclose(wanted["LSTM"], whole, rtol=0, atol=1e-5)  # float32, of numbers below 10
    assert posed["characters"] == "\nabc"


def test_pytorch_scripts_compute_the_same_and_write(torch_script, training, writer, tmp_path):
    checkpoint = tmp_path / "writer.pt"
    posed, wanted = equality.writing_problem(writer)
    asked = {"training": training[0], "writing": posed | {"checkpoint": str(checkpoint)}}
    answers, versions = questions.ask(OUTPUTS, "torch", asked)
    assert equality.difference(answers["training"], training[1], "torch") < equality.TOLERANCE / 10
    assert equality.difference(answers["writing"], wanted, "torch") < equality.TOLERANCE / 10
    assert "torch" in versions
    places = Places(tmp_path, tmp_path, checkpoint)
    script = candidates.all_of(Settings(hidden=(), characters=40), ["torch"], places)[0]
    for step in ("LSTM", "LSTMCell"):
        written = torch_script([*script.command, f"--step={step}"])
        assert len(written) == 40
        assert set(written) <= set(TEXT)


# By a clock that goes on by a hundredth whenever it is read, 50 chunks and so 250 steps, on however busy a machine.
SMALL = Training(hidden=16, length=8, batch=4, seconds=0.505)
_CLOCK = """
import itertools, types
from scripts.benchmark.language import spec, torch_training
ticks = itertools.count()
spec.time = types.SimpleNamespace(perf_counter=lambda: next(ticks) / 100)
torch_training.main()
"""


def assert_learnt(printed):
    report = json.loads(printed)
    assert report["characters_per_second"] == pytest.approx(50 * 5 * 8 * 4 / 0.51)  # read 51 times after the start
    # ln 4 = 1.39 knows nothing; which character follows on which is learnt in a hundred steps.
    assert report["loss"] < 1


@pytest.mark.parametrize(
    "script", [rnnx_training, pytest.param(flax_training, marks=pytest.mark.slow)], ids=["rnnx", "flax"]
)
def test_a_script_trains(script, text, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["script", f"--text={text}", *spec.flags(SMALL)])
    ticks = itertools.count()
    monkeypatch.setattr(spec, "time", SimpleNamespace(perf_counter=lambda: next(ticks) / 100))
    with jax.numpy_dtype_promotion("standard"):  # as it is outside of the tests
        script.main()
    assert_learnt(capsys.readouterr().out)


def test_pytorch_trains(torch_script, text):
    assert_learnt(torch_script([PYTHON["torch"], "-c", _CLOCK, f"--text={text}", *spec.flags(SMALL)]))


def test_chunks_are_counted_from_the_second_on(monkeypatch, capsys):
    clock = iter([10.0, 10.0, 12.0, 14.0])  # the start, and before each chunk or the end
    monkeypatch.setattr(spec, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    losses = iter([3.0, 2.0, 1.0])
    spec.report_training(lambda: next(losses), Training(length=10, batch=2, seconds=3.0))
    # Two chunks of five steps, 20 characters each, in four seconds.
    assert json.loads(capsys.readouterr().out) == {"characters_per_second": 50.0, "loss": 1.0}


def test_scripts_and_rnnx_read_a_text_alike(text):
    characters, numbers = spec.read(text)
    task = rnnx.tasks.get("characters")(path=str(text))
    assert tuple(characters) == task.vocabulary.tokens
    assert numbers == task.train_tokens().tolist()


def test_where_there_is_no_shakespeare_there_are_as_many_characters(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "available", lambda name: False)
    assert corpus.write(tmp_path / "text.txt") == "random characters"
    characters = (tmp_path / "text.txt").read_text()
    assert len(characters) == 1_115_394
    assert len(set(characters)) == 65


# Shows ten characters after a tenth of a second, ten after another, and ten after a third.
_STAND_IN = """
import sys, time
for piece in ("a" * 10, "b" * 10, "c" * 10):
    time.sleep(0.1)
    print(piece, end="", flush=True)
"""


def command(code, **settings):
    return Candidate("one", "torch", WRITING, "about", [sys.executable, "-c", code], **settings)


def test_the_first_piece_was_drawn_before_the_rate_is_taken():
    pieces = [(12.0, b"a" * 10), (12.5, b"b" * 5), (14.0, b"c" * 15)]
    assert timing._shown("one", pieces, 10.0, 30) == Sample(rate=10.0, first=2.0)  # 20 characters in 2 seconds


def test_what_shows_a_text_is_timed_by_what_comes_out(tmp_path):
    found = timing.sample(command(_STAND_IN, shows=True), 30, tmp_path)
    assert found.first > 0.1  # it sleeps for that time, and Python's start comes before
    assert found.rate > 0
    with pytest.raises(WorkerError, match="one showed 30 of 31 characters"):
        timing.sample(command(_STAND_IN, shows=True), 31, tmp_path)


def test_what_reports_is_taken_at_its_word_unless_it_fails(tmp_path):
    reporting = "import json, os; print(json.dumps({'characters_per_second': 7, 'loss': %s}))"
    assert timing.sample(command(reporting % "0.5"), 1, tmp_path) == Sample(7)
    with pytest.raises(WorkerError, match="one: its loss is nan"):
        timing.sample(command(reporting % "float('nan')"), 1, tmp_path)
    with pytest.raises(WorkerError, match="one ended with status 1: it is no use"):
        timing.sample(command("import sys; sys.exit('it is no use')"), 1, tmp_path)


def small_record():
    """rnnx trains twice as fast as torch and ten times as fast as flax, and writes three times as fast as torch."""
    new = records.new(
        False,
        {"torch": {"torch": "1"}, "flax": {"flax": "2"}},
        settings=Settings(hidden=(128,))._asdict(),
        text="tinyshakespeare",
        agreement={"torch": {"training": 2e-6, "writing": 1e-6}, "flax": {"training": 3e-6}},
    )
    rates = {"rnnx": (2000, 900, 1100, 1000), "torch": (500,), "flax": (100,)}
    for library, found in rates.items():
        contestant = Candidate(library, library, training_of(128), "about", [])
        record.add(new, contestant, [Sample(rate) for rate in found], None)
    generate = Candidate("rnnx, generate", "rnnx", WRITING, "`generate`", [])
    record.add(new, generate, [Sample(3000.0, 2.5), Sample(3000.0, 1.5), Sample(3000.0, 2.0)], Sample(1.0, 9.0))
    record.add(new, Candidate("torch, writing", "torch", WRITING, "`script`", []), [Sample(1000.0, 1.25)], None)
    return new


def test_the_page_has_medians_and_how_far_they_spread(tmp_path):
    ours = small_record()
    text = page.page(ours)
    assert "| rnnx | 1,050 (900 – 2,000) | ×1.00 |" in text
    assert "| torch | 500 (500 – 500) | ×2.10 |" in text
    assert "| flax | 100 (100 – 100) | ×10.50 |" in text
    assert "| `generate` | 3,000 (3,000 – 3,000) | ×1.00 | 2.00 (1.50 – 2.50) | 9.00 |" in text
    assert "| `script` | 1,000 (1,000 – 1,000) | ×3.00 | 1.25 (1.25 – 1.25) | – |" in text
    assert "| flax | 3e-06 | – |" in text
    assert "The machine was busy" in page.page(ours | {"busy": True})
    records.write(tmp_path / "language.json", ours)
    assert page.page(json.loads((tmp_path / "language.json").read_text())) == text


def test_one_that_fails_takes_part_no_more_and_the_others_do(monkeypatch, tmp_path, capsys):
    asked = []

    def sample(contestant, characters, cache):
        asked.append(contestant.name)
        if contestant.name == "torch, H = 128" and asked.count(contestant.name) > 1:
            raise WorkerError("it is no use")
        return Sample(100.0, 1.0 if contestant.shows else None)

    monkeypatch.setattr(timing, "sample", sample)
    settings = Settings(hidden=(128,), rounds=3)
    new = records.new(False, {}, settings=settings._asdict(), text="a text", agreement={})
    chosen = candidates.all_of(settings, ["rnnx", "torch"], Places(tmp_path, tmp_path, tmp_path))
    assert __main__.time_all(chosen, settings, tmp_path, new, tmp_path / "out.json")
    assert "torch, H = 128 failed: it is no use" in capsys.readouterr().out
    names = [contestant.name for contestant in chosen]
    # The one that compiles and shows its text first, cold; then each round begins with the next one.
    assert asked[: len(names) + 2] == ["rnnx, generate", *names, names[1]]
    assert asked.count("torch, H = 128") == 2
    written = json.loads((tmp_path / "out.json").read_text())["contestants"]
    assert {name: len(entry["characters_per_second"]) for name, entry in written.items()} == {
        name: 1 if name == "torch, H = 128" else 3 for name in names
    }
    assert written["rnnx, generate"]["first_seconds_cold"] == 1.0
    assert (tmp_path / "out.md").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden=128,x"], "--hidden: 'x' is not a whole number above 0."),
        (["--rounds=0"], "--rounds must be above 0, not 0."),
        (["--seconds=-1"], "--seconds must be above 0, not -1.0."),
        (["--peers=trch"], "--peers: 'trch' is none of torch, flax."),
        (["--out=results.txt"], "--out=results.txt must be a .json file."),
        (["--hiden=1"], "unrecognized arguments: --hiden=1"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["language", *arguments])
    with pytest.raises(SystemExit) as caught:
        __main__.main()
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"bench language: {message}\n"


@pytest.mark.slow
def test_a_run_from_flags_to_page(tmp_path):
    out = tmp_path / "language.json"
    sizes = ["--hidden=8", "--length=16", "--batch=4", "--seconds=0.1", "--writer=8", "--characters=100", "--rounds=2"]
    run = [sys.executable, "-m", "scripts.benchmark.language", *sizes, "--peers=flax", f"--out={out}"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())["contestants"]
    assert list(found) == ["rnnx, H = 8", "flax, H = 8", "rnnx, generate", "rnnx, sample"]
    assert all(len(entry["characters_per_second"]) == 2 for entry in found.values())
    assert len(found["rnnx, generate"]["first_seconds"]) == 2
    assert "| `python -m experiments.generate` |" in out.with_suffix(".md").read_text()
