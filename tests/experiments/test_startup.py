"""Help, and mistakes that flags alone tell of, are answered before anything heavy is loaded, which takes seconds."""

import re
import shlex
from typing import get_args

import pytest

from experiments import build, config, executors, field_names, sources
from rnnx import cells, diagnostics, engines, models, readings, tasks
from rnnx.pytrees import flatten_dict
from rnnx.training import schedules
from rnnx.training.optimizers import OPTIMIZERS
from rnnx.training.runs import Precision
from rnnx.unroll import check_engine
from tests.experiments.commands import ROOT, run

HEAVY = {"flax", "jax", "jaxlib", "matplotlib", "numpy", "optax", "orbax", "rnnx", "tensorboardX"}
COMMANDS = sorted(path.stem for path in (ROOT / "experiments").glob("*.py") if "cli.start(main" in path.read_text())
assert len(COMMANDS) == 8
SMALL = "--config=tests/experiments/study_small.py"
WORKDIR = "--workdir=nowhere"
SLIPS = [
    (["--config.cell.name=lsmt"], "--config.cell.name=lsmt: no cell named 'lsmt'; did you mean 'lstm'?"),
    (["--config.task.name=ading"], "no task named 'ading'; did you mean 'adding'?"),
    (["--config.model.name=sequense"], "no model named 'sequense'; did you mean 'sequence'?"),
    (["--config.optimizer=adm"], "no optimizer named 'adm'; did you mean 'adam'?"),
    (["--config.schedule.name=cosine"], "no schedule named 'cosine'; did you mean 'warmup_cosine'?"),
    (["--config.diagnostics=gates,lyapunv"], "no diagnostic named 'lyapunv'; did you mean 'lyapunov'?"),
]
"""Names that there are not, which is known without jax."""


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
    assert not heavy
    lines = shown.splitlines()
    assert lines[0].startswith(f"usage: python -m experiments.{module} ")
    assert max(map(len, lines)) <= 80
    needed = re.findall(r"--(\w+)=[A-Z]", lines[0])
    assert [line.split("=")[0].strip() for line in lines if line.startswith("  --")][: len(needed)] == [
        f"--{flag}" for flag in needed
    ]
    examples = shown.partition("\nexamples:\n")[2].replace("\\\n", "")
    commands = [shlex.split(line) for line in examples.splitlines() if not line.strip().startswith("#")]
    assert commands
    for _, _, name, *given in commands:
        assert name == f"experiments.{module}"
        for flag in given:
            if flag.startswith("--"):
                assert re.sub(r"^--config\.|=.*", "", flag) in shown.partition("\nexamples:\n")[0]


@pytest.mark.parametrize("module", ["run", "sweep"])
def test_help_tells_every_setting_with_its_type_and_default(module):
    shown = answered(module, "--help")[1].partition("\nsettings, ")[2]
    rows = {
        found[1]: found for found in re.finditer(r"^  ([a-z0-9_.]+)=([A-Z,]+)\s+((?:.|\n {28})*)", shown, re.MULTILINE)
    }
    assert set(rows) == set(flatten_dict(config.default().to_dict()))
    for name, row in rows.items():
        assert re.match(r"[A-Zα].* ", row[3]), f"{name} is not told of"

    def told(name):
        return rows[name][2], " ".join(rows[name][3].split())

    assert told("batch_size") == ("INT", "Examples in a batch to train on. [32]")
    assert told("cell.reset_after")[0] == "BOOL"
    assert told("cell.forget_bias") == ("FLOAT", "Of lstm, minlstm, tree_lstm: initial b_f. [1.0]")
    for name, known in {
        "cell.name": cells.names(),
        "model.name": models.names(),
        "task.name": tasks.names(),
        "diagnostics": diagnostics.names(),
        "optimizer": OPTIMIZERS,
        "schedule.name": schedules.names(),
        "engine": engines.names(),
    }.items():
        assert all(re.search(rf"\b{one}\b", told(name)[1]) for one in known)
    assert "local, ray, slurm" in answered("sweep", "--help")[1]


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
        ("run", [SMALL, "--lr=.1", WORKDIR], "did you mean --config.learning_rate?"),
        ("sweep", [SMALL, "--epochs=3", WORKDIR], "did you mean --config.steps?"),
        *(("run", [SMALL, WORKDIR, *slip], told) for slip, told in SLIPS),
        (
            "sweep",
            [SMALL, WORKDIR, "--sweep=seed=0:3;cell.name=rnn,lsmt"],
            "no cell named 'lsmt'; did you mean 'lstm'?",
        ),
        (
            "sweep",
            [SMALL, WORKDIR, "--sweep=(task.name,task.length)=(ading,8),(adding,16)"],
            "--sweep=ading: no task named 'ading'; did you mean 'adding'?",
        ),
        ("run", [SMALL, WORKDIR, "surplus"], "unexpected argument 'surplus'"),
        ("run", [SMALL, WORKDIR, "--config.seed", "3"], "unexpected argument '3'"),
        ("run", [SMALL, WORKDIR, "--profile", "--data_parallel"], "--profile is for a new trial on one device"),
        ("sweep", [SMALL, WORKDIR, "--jobs=two"], "--jobs=two: it must be a whole number."),
        ("sweep", [SMALL, WORKDIR, "--timeout=soon"], "--timeout=soon: it must be a number."),
        ("run", [SMALL, WORKDIR, "--dry_run=maybe"], "--dry_run=maybe: it must be true or false."),
        ("sweep", [SMALL, WORKDIR, "--jobs=0"], "flag --jobs=0"),
        ("sweep", [SMALL, WORKDIR, "--executor=loca"], "no executor named 'loca'; did you mean 'local'?"),
        ("sweep", [WORKDIR], "--config is missing"),
        ("sweep", [SMALL], "--workdir is missing"),
        ("board", [], "workdir is missing: give <workdir>."),
        ("board", ["nowhere"], "nowhere is not a directory"),
        ("board", ["workdir_x"], "workdir_x is not a directory"),
        ("generate", [], "--workdir is missing: say whose model writes"),
        ("generate", [WORKDIR, "--temperature=nan"], "--temperature=nan: a number of at least 0"),
        ("generate", [WORKDIR, "--top_p=0"], "--top_p=0.0: a share above 0"),
        ("generate", [WORKDIR, "--beam=2", "--top_k=3"], "--beam draws nothing: --top_k does not go with it."),
        ("generate", [WORKDIR, "--checkpoint=²"], "--checkpoint=²: latest, best, or the step"),
        ("generate", [WORKDIR, "--prompt=a", "--prompt_file=b"], "--prompt and --prompt_file are two ways"),
        ("generate", [WORKDIR, "--prompt_file=/no/where"], "--prompt_file=/no/where: No such file or directory"),
        ("predict", [], "--workdir is missing: say whose model is asked, for example --workdir=runs/sentiment."),
        (
            "predict",
            [WORKDIR],
            "give the text by --sentence, or by --tree with its brackets, and by one of them",
        ),
        (
            "predict",
            [WORKDIR, "--sentence=a", "--tree=b"],
            "give the text by --sentence, or by --tree with its brackets",
        ),
        ("predict", [WORKDIR, "--sentence=a", "--checkpoint=first"], "--checkpoint=first: latest, best, or the step"),
        ("analyze", ["--diagnostics=gates"], "--workdir is missing: say which trial or study to measure"),
        ("analyze", [WORKDIR], "--diagnostics is missing: one or several of attention, flossing, gates"),
        ("analyze", [WORKDIR, "--diagnostics=gates,lyapunv"], "did you mean 'lyapunov'?"),
        ("analyze", [WORKDIR, "--diagnostics=suprise"], "did you mean 'surprise'?"),
        ("analyze", [WORKDIR, "--diagnostics=gates", "--checkpoint=last"], "<latest|initial>"),
        ("analyze", [WORKDIR, "--diagnostics=gates", "--examples=0"], "--examples must be at least 1, not 0"),
        ("report", [], "--workdir is missing: say what to report on, for example --workdir=runs/gradient_flow."),
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


def test_fields_are_those_that_there_are_with_their_types_and_defaults():
    base = config.default()
    told = {field.name: field for field in sources.fields()}
    assert set(told) == set(flatten_dict(base.to_dict()))
    for name, value in flatten_dict(base.to_dict()).items():
        assert told[name].kind == config.field_type(base, name).__name__, name
        if value is not None:
            assert told[name].default == value
    for section, package in (("cell", cells), ("model", models), ("task", tasks)):
        for name in package.names():
            for option, parameter in build.options(package.get(name)).items():
                if option != "hidden_size" and " or " not in str(told[f"{section}.{option}"].default):
                    shown = told[f"{section}.{option}"].default
                    assert shown in (parameter.default, "2 * math.pi"), (name, option)


@pytest.mark.parametrize(
    ("flag", "field"),
    [
        ("learning-rate", "learning_rate"),
        ("Batch_Size", "batch_size"),
        ("hidden_size", "cell.hidden_size"),
        ("cell.forget_bais", "cell.forget_bias"),
        ("corpus", "task.corpus"),
        ("wrkdir", None),
        ("lr", "learning_rate"),
        ("hidden", "cell.hidden_size"),
        ("layers", "model.layers"),
        ("batch", "batch_size"),
        ("seed", "seed"),
        ("epochs", "steps"),
    ],
)
def test_a_flag_that_is_a_field(flag, field):
    assert field_names.field_called(flag) == field


def test_names_from_elsewhere_are_of_fields_that_there_are_and_hide_none():
    fields = set(flatten_dict(config.default().to_dict()))
    assert set(field_names.CALLED_ELSEWHERE.values()) <= fields
    assert not field_names.CALLED_ELSEWHERE.keys() & {field.rpartition(".")[2] for field in fields}


def test_names_are_those_that_there_are():
    assert tuple(sources.names("rnnx", "diagnostics")) == diagnostics.names()
    assert tuple(sources.names("rnnx", "readings")) == readings.names()
    assert tuple(sources.names("experiments", "executors")) == executors.names()
    known = sources.choices()
    assert known["cell.name"] == cells.names()
    assert known["model.name"] == models.names()
    assert known["task.name"] == tasks.names()
    assert set(known["schedule.name"]) == set(schedules.names())
    assert set(known["optimizer"]) == set(OPTIMIZERS)
    assert known["precision"] == get_args(Precision)
    for engine in known["engine"]:
        check_engine(engine, None)
