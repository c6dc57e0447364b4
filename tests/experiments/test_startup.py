"""Help, and mistakes that flags alone tell of, are answered before anything heavy is loaded, which takes seconds."""

import re

import pytest

from experiments import cli, config, executors
from rnnx import diagnostics, readings
from rnnx.pytrees import flatten_dict
from tests.experiments.commands import ROOT, run

HEAVY = {"flax", "jax", "jaxlib", "matplotlib", "numpy", "optax", "orbax", "rnnx", "tensorboardX"}
COMMANDS = sorted(path.stem for path in (ROOT / "experiments").glob("*.py") if "cli.start(main" in path.read_text())
assert len(COMMANDS) == 6
SMALL = "--config=tests/experiments/study_small.py"
WORKDIR = "--workdir=nowhere"


def answered(module, *arguments):
    """Exit status, what was said on both streams, and the packages that were loaded, as Python itself tells them."""
    done = run(module, *arguments, PYTHONPROFILEIMPORTTIME="1")
    line = re.compile(r"^import time:.*\| +([\w.]+| *imported package)\n", re.MULTILINE)
    loaded = {name.partition(".")[0] for name in line.findall(done.stderr)}
    assert "absl" in loaded
    return done.returncode, done.stdout, line.sub("", done.stderr), loaded & HEAVY


@pytest.mark.parametrize("module", COMMANDS)
def test_help(module):
    status, shown, said, heavy = answered(module, "--help")
    assert status == 0, said
    assert said == ""
    assert f"python -m experiments.{module} " in shown
    assert "\nflags:\n" in shown
    assert not heavy


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        *((module, ["--wrkdri=x"], "Unknown command line flag 'wrkdri'") for module in COMMANDS),
        ("run", [WORKDIR], "--config is missing"),
        ("run", [SMALL], "--workdir is missing"),
        ("run", ["--config=configs/ading.py", WORKDIR], "did you mean 'configs/adding.py'?"),
        ("run", [SMALL, "--workdir=README.md"], "README.md is a file"),
        ("run", [SMALL, "--workdir=~nobody.of.that.name/x"], "~nobody.of.that.name/x: there is no such user"),
        ("run", [SMALL, "--learning_rate=.1", WORKDIR], "did you mean --config.learning_rate?"),
        ("run", [SMALL, WORKDIR, "surplus"], "unexpected argument 'surplus'"),
        ("run", [SMALL, WORKDIR, "--config.seed", "3"], "unexpected argument '3'"),
        ("run", [SMALL, WORKDIR, "--profile", "--data_parallel"], "--profile is for a new trial on one device"),
        ("sweep", [SMALL, WORKDIR, "--jobs=two"], "flag --jobs=two"),
        ("sweep", [SMALL, WORKDIR, "--jobs=0"], "flag --jobs=0"),
        ("sweep", [SMALL, WORKDIR, "--executor=loca"], "no executor named 'loca'; did you mean 'local'?"),
        ("sweep", [WORKDIR], "--config is missing"),
        ("sweep", [SMALL], "--workdir is missing"),
        ("generate", [], "--workdir is missing"),
        ("generate", [WORKDIR, "--temperature=nan"], "--temperature=nan: a number of at least 0"),
        ("generate", [WORKDIR, "--top_p=0"], "--top_p=0.0: a share above 0"),
        ("generate", [WORKDIR, "--beam=2", "--top_k=3"], "--beam draws nothing: --top_k does not go with it."),
        ("generate", [WORKDIR, "--checkpoint=²"], "--checkpoint=²: latest, best, or the step"),
        ("generate", [WORKDIR, "--prompt=a", "--prompt_file=b"], "--prompt and --prompt_file are two ways"),
        ("generate", [WORKDIR, "--prompt_file=/no/where"], "--prompt_file=/no/where: No such file or directory"),
        ("analyze", ["--diagnostics=gates"], "--workdir is missing"),
        ("analyze", [WORKDIR], "--diagnostics is missing: one or several of flossing, gates"),
        ("analyze", [WORKDIR, "--diagnostics=gates,lyapunv"], "did you mean 'lyapunov'?"),
        ("analyze", [WORKDIR, "--diagnostics=suprise"], "did you mean 'surprise'?"),
        ("analyze", [WORKDIR, "--diagnostics=gates", "--checkpoint=last"], "<latest|initial>"),
        ("analyze", [WORKDIR, "--diagnostics=gates", "--examples=0"], "--examples must be at least 1, not 0"),
        ("report", [], "--workdir is missing"),
        ("report", [WORKDIR, "--config.seed=1"], "Unknown command line flag 'config.seed'"),
    ],
)
def test_a_mistake(module, arguments, message):
    status, shown, said, heavy = answered(module, *arguments)
    assert (status, shown) == (2, ""), said
    assert message in said
    assert len(said.splitlines()) == 1
    assert not heavy


def test_what_needs_the_study_file_comes_after_that():
    """Which fields there are is known to rnnx alone; and so it is seen that these tests would see it loaded."""
    status, shown, said, heavy = answered("run", SMALL, WORKDIR, "--config.sed=3")
    assert (status, shown) == (2, "")
    assert "did you mean 'seed'?" in said
    assert {"jax", "rnnx"} <= heavy


def test_fields_are_those_that_there_are():
    assert set(cli._fields()) == set(flatten_dict(config.default().to_dict()))


@pytest.mark.parametrize(
    ("flag", "field"),
    [
        ("learning-rate", "learning_rate"),
        ("Batch_Size", "batch_size"),
        ("hidden_size", "cell.hidden_size"),
        ("cell.forget_bais", "cell.forget_bias"),
        ("corpus", "task.corpus"),
        ("wrkdir", None),
    ],
)
def test_a_flag_that_is_a_field(flag, field):
    assert cli._nearest_field(flag) == field


def test_names_are_those_that_there_are():
    assert tuple(cli.names("rnnx", "diagnostics")) == diagnostics.names()
    assert tuple(cli.names("rnnx", "readings")) == readings.names()
    assert tuple(cli.names("experiments", "executors")) == executors.names()
