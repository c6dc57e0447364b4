"""R9: mistakes at the command line: exit status 2, one line that names what is wrong, nothing on disk.

What is marked slow is found by the same code as what is not, or by absl. More are in `tests/experiments`: of `analyze`
and `report` those that need a study to be wrong about.
"""

import pytest

from tests.experiments.commands import run

SMALL = "--config=tests/experiments/study_small.py"


def run_with(*arguments):
    return ("run", [SMALL, "{workdir}", *arguments])


def sweep_with(*arguments):
    return ("sweep", [SMALL, "{workdir}", *arguments])


COMMON = [
    (("run", []), "--config is missing"),
    (("run", ["--config=configs/ading.py", "{workdir}"]), "did you mean 'configs/adding.py'?"),
    (("run", [SMALL]), "--workdir is missing"),
    (("run", [SMALL, "--workdir=README.md"]), "README.md is a file"),
    (run_with("surplus"), "unexpected argument 'surplus'"),
    (run_with("--wrkdir=x"), "Did you mean: workdir"),
    (run_with("--config.cell.name=lsmt"), "no cell named 'lsmt'; did you mean 'lstm'?"),
    (run_with("--config.cell.hiden_size=3"), "did you mean 'cell.hidden_size'?"),
    (run_with("--config.cell.name=LSTM"), "did you mean 'lstm'?"),
    (run_with("--workdir=/proc/nope"), "/proc/nope: No such file or directory"),
    (run_with("--config.learning_rate=nan"), "learning_rate must be a finite number above 0"),
    (run_with("--config.batch_size=0"), "batch_size must be a whole number of at least 1, not 0"),
    (run_with("--config.seed=True"), "--config.seed=True"),
    (run_with("--config.measure_every=5"), "measure_every must be a multiple of log_every (2)"),
    (run_with("--config.cell.name=rnn", "--config.cell.forget_bias=1"), "it takes hidden_size, activation"),
    (run_with("--config.cell.recurrent_initializer=sparse(3)"), "form sparse(connections, radius)"),
    (run_with("--config.cell.input_initializer=spectral_radius(0.9)"), "not [2, 4]; for an input"),
    (run_with("--config.cell.name=rnn", "--config.cell.bias_initializer=chrono(9)"), "has none."),
    (
        run_with("--config.objective.flossing_steps=9", "--config.objective.flossing_exponents=9"),
        "must be at most 8, the numbers in one",
    ),
    (run_with("--config.task.name=copy_memory"), "length of the copy memory problem must be"),
    (sweep_with("--sweep=cell.nam=rnn"), "no config field named 'cell.nam'; did you mean 'cell.name'?"),
    (sweep_with("--sweep=task.horizn=3"), "no config field named 'task.horizn'; did you mean 'task.horizon'?"),
    (sweep_with("--sweep=zzz.qqq=3"), "no config field named 'zzz.qqq'. Known: batch_size, best_metric, cell.…, "),
    (sweep_with("--sweep=task.length=16,x"), "task.length must be a whole number, not 'x'"),
    (sweep_with("--sweep=seed=3:1"), "the range '3:1'"),
    (sweep_with("--config.seed=3"), "the sweep sets seed in each (0, 1)"),
    (sweep_with("--sweep=seed=0,0"), "the same settings are there twice"),
    (sweep_with("--sweep=seed=0,5000000000"), "seed must be a whole number below 4294967296, not 5000000000"),
    (sweep_with("--sweep=learning_rate=0.1,-1"), "learning_rate must be a finite number above 0"),
    (sweep_with("--executor=loca"), "no executor named 'loca'; did you mean 'local'?"),
    (sweep_with("--jobs=0"), "jobs"),
    (("sweep", ["--config=configs/adding.py", "{workdir}"]), "has no sweep()"),
    (("analyze", ["{workdir}", "--diagnostics=gates"]), "is not a directory"),
    (("report", []), "--workdir is missing"),
]

RARE = [
    (("run", ["--config=configs", "{workdir}"]), "configs"),
    (("run", ["--config=README.md", "{workdir}"]), "not a Python file"),
    (("run", ["--config", "{workdir}"]), "config"),
    (("run", [SMALL, "--workdir="]), "--workdir is missing"),
    (run_with("--jobs=2"), "jobs"),
    (run_with("--config.task.name=ading"), "no task named 'ading'; did you mean 'adding'?"),
    (run_with("--config.task.length=-3"), "task.length must be a whole number of at least 1"),
    (run_with("--config.cell.hidden_size=0"), "cell.hidden_size must be a whole number of at least 1"),
    (run_with("--config.cell.hidden_size=4.5"), "--config"),
    (run_with("--config.learning_rate=inf"), "learning_rate must be a finite number above 0"),
    (run_with("--config.learning_rate=0"), "learning_rate must be a finite number above 0"),
    (run_with("--config.learning_rate=fast"), "learning_rate"),
    (run_with("--config.clip_norm=-1"), "clip_norm must be a number of at least 0"),
    (run_with("--config.clip_norm=nan"), "clip_norm must be a finite number"),
    (run_with("--config.steps=61"), "steps must be a multiple of log_every (2)"),
    (run_with("--config.steps=many"), "steps"),
    (run_with("--config.seed=-1"), "seed must be a whole number of at least 0"),
    (run_with("--config.seed=4294967296"), "seed must be a whole number below 4294967296"),
    (run_with("--config.measure_batch_size=2147483648"), "measure_batch_size must be a whole number below 2147483648"),
    (run_with("--config.optimizer=adm"), "did you mean 'adam'?"),
    (run_with("--config.precision=float16"), "no precision named 'float16'"),
    (run_with("--config.diagnostics=('gatez',)"), "did you mean 'gates'?"),
    (run_with("--config.objective.truncate=-1"), "truncate"),
    (run_with("--config.objective.random_truncation=2"), "random_truncation"),
    (run_with("--config.objective.omega=nan"), "omega"),
    (run_with("--config.sed=1"), "did you mean 'seed'?"),
    (sweep_with("--sweep="), "--sweep is empty"),
    (sweep_with("--sweep=seed"), "'seed' is not of the form field=value"),
    (sweep_with("--sweep=seed="), "is not of the form field=value"),
    (sweep_with("--sweep=seed=0:2;seed=3"), "two of the sweep's axes set seed"),
    (sweep_with("--sweep=(seed,steps)=(1)"), "does not have a value for each of"),
    (sweep_with("--sweep=(seed=1"), "brackets"),
    (sweep_with("--sweep=cell.forget_bias=0,1 if cell.name=lstm"), "holds for no trial"),
    (sweep_with("--sweep=diagnostics=gates"), "which a study's sweep() alone can vary"),
    (sweep_with("--only=nothing*"), "no trial has a name that matches 'nothing*'"),
    (sweep_with("--skip=*"), "leave none of the 4 trials"),
    (sweep_with("--jobs=two"), "jobs"),
    (sweep_with("--vectorize=0"), "vectorize"),
    (sweep_with("--timeout=-1"), "timeout"),
    (sweep_with("--timeout=soon"), "timeout"),
    (sweep_with("--executor_options=cpus"), "'cpus' is not of the form name=value"),
    (sweep_with("--executor_options=cpus=2"), "the local executor has none"),
    (("analyze", ["--diagnostics=gates"]), "--workdir is missing"),
    (("analyze", ["{workdir}", "--diagnostics=gates", "--checkpoint=newest"]), "checkpoint"),
    (("analyze", ["{workdir}", "--examples=some"]), "examples"),
    (("report", ["{workdir}"]), "is not a directory"),
    (("report", ["--workdir=README.md"]), "README.md is a file"),
    (("report", ["{workdir}", "--config=configs/adding.py"]), "config"),
]

CASES = [*COMMON, *(pytest.param(*case, marks=pytest.mark.slow) for case in RARE)]


def assert_one_line(done, message):
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert message in line
    assert done.stdout == ""


@pytest.mark.parametrize(("command", "message"), CASES)
def test_a_mistake_is_answered_by_one_line(tmp_path, survived, command, message):
    module, arguments = command
    workdir = tmp_path / "runs"
    done = run(module, *[argument.replace("{workdir}", f"--workdir={workdir}") for argument in arguments])
    assert_one_line(done, message)
    assert not workdir.exists()
    survived("R9", f"a mistake in a command: {module}")


@pytest.mark.parametrize(
    "content",
    [
        "def get_config():\n    return undefined\n",
        "from experiments import config\ndef get_config():\n    config.default().learnig_rate = 0.5\n",
        pytest.param("def get_config(:\n", marks=pytest.mark.slow),
        pytest.param("import nothing_of_that_name\n", marks=pytest.mark.slow),
        pytest.param("x = 1\n", marks=pytest.mark.slow),
    ],
)
def test_a_config_file_that_is_broken_is_named(tmp_path, survived, content):
    broken = tmp_path / "broken.py"
    broken.write_text(content)
    assert_one_line(run("run", f"--config={broken}", f"--workdir={tmp_path / 'runs'}"), "broken.py")
    assert not (tmp_path / "runs").exists()
    survived("R9", "a broken study file")


def test_without_data_the_answer_is_one_line(tmp_path, survived):
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
    assert_one_line(done, "RNNX_DATA_DIR")
    survived("R9", "data that can't be had")
