"""Mistakes at the command line: exit status 2, one line that names what is wrong, nothing on disk."""

import pytest

from tests.experiments.commands import run

SMALL = "--config=tests/experiments/study_small.py"


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("run", [], "--config is missing"),
        ("run", ["--config=configs/ading.py"], "did you mean 'configs/adding.py'?"),
        ("run", [SMALL], "--workdir is missing"),
        ("run", [SMALL, "{workdir}", "--config.cell.name=lsmt"], "no cell named 'lsmt'; did you mean 'lstm'?"),
        ("run", [SMALL, "{workdir}", "--config.task.name=ading"], "no task named 'ading'; did you mean 'adding'?"),
        ("run", [SMALL, "{workdir}", "--config.cell.hiden_size=3"], "did you mean 'cell.hidden_size'?"),
        ("run", [SMALL, "{workdir}", "--config.learning_rate=nan"], "learning_rate must be a finite number above 0"),
        (
            "run",
            [SMALL, "{workdir}", "--config.batch_size=0"],
            "batch_size must be a whole number of at least 1, not 0",
        ),
        ("run", [SMALL, "{workdir}", "--config.task.length=-3"], "task.length must be a whole number of at least 1"),
        ("run", [SMALL, "{workdir}", "--config.seed=True"], "--config.seed=True"),
        ("run", [SMALL, "{workdir}", "--config.cell.name=rnn", "--config.cell.forget_bias=1"], "it takes activation"),
        (
            "run",
            [SMALL, "{workdir}", "--config.cell.recurrent_initializer=sparse(3)"],
            "form sparse(connections, radius)",
        ),
        (
            "run",
            [SMALL, "{workdir}", "--config.cell.input_initializer=spectral_radius(0.9)"],
            "not [2, 4]; for an input",
        ),
        (
            "run",
            [SMALL, "{workdir}", "--config.cell.name=rnn", "--config.cell.bias_initializer=chrono(9)"],
            "has none.",
        ),
        ("run", [SMALL, "{workdir}", "--config.measure_every=5"], "measure_every must be a multiple of log_every (2)"),
        ("run", [SMALL, "{workdir}", "surplus"], "unexpected argument 'surplus'"),
        ("run", [SMALL, "{workdir}", "--wrkdir=x"], "Did you mean: workdir"),
        ("run", [SMALL, "--workdir=README.md"], "README.md is a file"),
        (
            "sweep",
            [SMALL, "{workdir}", "--sweep=cell.nam=rnn"],
            "no config field named 'cell.nam'; did you mean 'cell.name'?",
        ),
        ("sweep", [SMALL, "{workdir}", "--sweep=task.length=16,x"], "task.length must be a int, not 'x'"),
        ("sweep", [SMALL, "{workdir}", "--sweep=seed=3:1"], "the range '3:1'"),
        ("sweep", [SMALL, "{workdir}", "--sweep=seed=0,0"], "the same settings are there twice"),
        ("sweep", [SMALL, "{workdir}", "--executor=loca"], "no executor named 'loca'; did you mean 'local'?"),
        ("sweep", ["--config=configs/adding.py", "{workdir}"], "has no sweep()"),
    ],
)
def test_a_mistake_is_answered_by_one_line(tmp_path, module, arguments, message):
    workdir = tmp_path / "runs"
    done = run(module, *[argument.replace("{workdir}", f"--workdir={workdir}") for argument in arguments])
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
    assert not workdir.exists()


def test_a_config_file_that_is_broken_is_named(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("def get_config():\n    return undefined\n")
    done = run("run", f"--config={broken}", f"--workdir={tmp_path / 'runs'}")
    assert done.returncode == 2
    assert "broken.py" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_data_the_answer_is_one_line(tmp_path):
    """No file, no cache, and an address that can't be reached: a proxy on a closed port of this machine."""
    done = run(
        "run",
        SMALL,
        f"--workdir={tmp_path / 'runs'}",
        "--config.task.name=characters",
        RNNX_DATA_DIR="",
        RNNX_CACHE_DIR=str(tmp_path / "cache"),
        https_proxy="http://127.0.0.1:9",
    )
    assert done.returncode == 2
    assert "RNNX_DATA_DIR" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
