"""What trained models of language read, by `experiments.analyze`, from beginning to end."""

import json

import numpy as np
import pytest

from experiments import config, user_modules
from experiments.trials import loop, trial
from experiments.trials.trial import Trial
from rnnx.report import figures, study
from tests.experiments import study_small
from tests.experiments.commands import run
from tests.helpers import board_events

pytestmark = pytest.mark.xdist_group("readings")  # its trials are made once

TEXT = "".join(f"ANN:\nIt is “{n}”, and not {n * n}.\n\nBEN:\nOh.\n\n" for n in range(90))
NAMES = ("surprise", "selective_units", "loss_by_context")

MUTE = """
import jax.numpy as jnp
import rnnx
from flax import nnx


class Mute(nnx.Module):
    def __init__(self, cell, task, *, rngs):
        self.table = nnx.Param(jnp.zeros((task.vocab_size, task.output_size)))

    def __call__(self, batch, run=rnnx.plain_run):
        return self.table.get_value()[batch.inputs]
"""


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A trial of ten steps; two that are not begun, of a model that does not write and of one that reads no text."""
    directory, mine = tmp_path_factory.mktemp("language"), tmp_path_factory.mktemp("mine")
    (directory / "text.txt").write_text(TEXT, encoding="utf-8")
    (mine / "mute_model.py").write_text(MUTE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(mine)
        for name, task, model in (
            ("lstm", "characters", "sequence"),
            ("mute", "characters", "mute_model:Mute"),
            ("adding", "adding", "sequence"),
        ):
            given = study_small.get_config()
            given.task.name, given.model.name = task, model
            given.steps, given.diagnostics = 10, ()
            if task == "characters":
                given.task.path, given.task.length = str(directory / "text.txt"), 6
            made = Trial(name, config.parse(given), directory / name)
            if name == "lstm":
                loop.run(trial.TrialGroup((made,), 1), lambda news: None)
                assert (directory / name / "DONE.json").exists(), (directory / name / "FAILED.json").read_text()
            else:
                made.directory.mkdir()
                origin = {"config": made.config.to_dict(), "modules": user_modules.record(made.config)}
                (made.directory / "config.json").write_text(json.dumps(origin))
    return directory


def analyze(directory, *names, **flags):
    given = [f"--{flag}={value}" for flag, value in flags.items()]
    return run("analyze", f"--workdir={directory}", f"--diagnostics={','.join(names)}", *given)


def record(directory, name):
    return json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))


def test_a_model_that_writes_is_read_once_and_shown(workdir):
    done = analyze(workdir / "lstm", *NAMES, "hidden_units")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hidden_units/saturated" in done.stdout  # diagnostics and readings go together
    assert "surprise/mean" in done.stdout
    assert "selective_units/line_position/unit" in done.stdout
    for name in NAMES:
        found = record(workdir / "lstm" / "analysis", name)
        assert {field: value for field, value in found.items() if field != "values"} == {
            "step": 10,
            "precision": "float32",
        }
        assert (workdir / "lstm" / "analysis" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    values = record(workdir / "lstm" / "analysis", "surprise")["values"]
    passage = "".join(values["surprise/text"])
    assert passage in TEXT
    assert "“" in passage
    assert len(values["surprise/nats"]) == len(passage)
    assert values["surprise/mean"] == pytest.approx(np.mean(values["surprise/nats"]), rel=1e-6)  # float32
    units = record(workdir / "lstm" / "analysis", "selective_units")["values"]
    assert {tag.split("/")[1] for tag in units} == {"line_position", "word_position", "quotes", "speaker"}
    assert units["selective_units/quotes/unit"].startswith(("h[", "c["))
    contexts = record(workdir / "lstm" / "analysis", "loss_by_context")["values"]
    assert contexts["loss_by_context/tokens"] == [1, 2, 4, 6]

    board = board_events.read(workdir / "lstm")
    assert board_events.steps(workdir / "lstm", "analysis/surprise/mean") == [10]
    (shown,) = board.Tensors("analysis/selective_units/quotes/unit/text_summary")
    assert shown.tensor_proto.string_val[0].decode().strip() == units["selective_units/quotes/unit"]
    assert {f"analysis/{name}/figure" for name in NAMES} <= {*board.Tags()["images"]}
    stamps = {path: path.stat().st_mtime_ns for path in workdir.rglob("*.json")}
    again = analyze(workdir / "lstm", *NAMES)
    assert again.stdout.count("already there") == len(NAMES), again.stderr
    assert {path: path.stat().st_mtime_ns for path in workdir.rglob("*.json")} == stamps

    before = analyze(workdir / "lstm", "surprise", checkpoint="initial")
    assert before.returncode == 0, before.stdout + before.stderr
    first = record(workdir / "lstm" / "analysis" / "initial", "surprise")
    assert first["step"] == 0
    assert first["values"]["surprise/text"] == values["surprise/text"]
    assert first["values"]["surprise/nats"] != values["surprise/nats"]

    found = study.read(workdir / "lstm")
    sections = {section.name: section for section in figures.sections()}
    assert all(sections[name].draw(found, found.tasks[0]) is not None for name in NAMES)


def test_what_a_model_cannot_do_is_told_in_a_line(workdir):
    done = analyze(workdir / "mute", *NAMES, checkpoint="initial")
    assert done.returncode == 1
    assert "mute: surprise: done" in done.stdout, done.stdout + done.stderr
    assert "mute: loss_by_context: the model Mute writes nothing: it has no `decoder`." in done.stdout
    assert (
        "mute: selective_units: selective_units looks at the state of a recurrent part, and this model has none."
        in (done.stdout)
    )
    other = analyze(workdir / "adding", "surprise", checkpoint="initial")
    assert other.returncode == 1
    assert "the task has no text: it is none of language, such as characters." in other.stdout, other.stderr
    assert not (workdir / "adding" / "analysis").exists()
