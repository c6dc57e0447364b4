"""The page of layouts: its pictures are those that the script makes, and its commands are right."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import rnnx
from scripts import layouts
from tests.experiments import commands
from tests.helpers import at_hand

FOLDER = Path(__file__).parents[2] / "docs"
PAGE = (FOLDER / "layouts.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m experiments\.run (.*) --workdir=\S+$", PAGE, flags=re.MULTILINE)


def test_each_picture_is_made_by_the_script_shown_on_the_page_and_small():
    shown = re.findall(r"\(layouts/(\w+)\.svg\)", PAGE)
    assert sorted(shown) == sorted(layouts.PICTURES)
    assert sorted(path.stem for path in (FOLDER / "layouts").iterdir()) == sorted(layouts.PICTURES)
    for name in shown:
        assert (FOLDER / "layouts" / f"{name}.svg").stat().st_size < 250_000


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_a_task_of_the_layout(command):
    named = re.search(r"--config\.task\.name=(\w+)", command)
    if named and not at_hand.by_default(named[1]):
        pytest.skip(f"the data of {named[1]} is not on this machine")
    done = commands.run("run", *command.split(), "--dry_run")
    assert done.returncode == 0, done.stderr
    settings = json.loads(done.stdout)
    assert settings["task"]["name"] in rnnx.tasks.names()


def test_there_is_a_command_for_every_layout():
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    with_command = {section.split("\n")[0] for section in sections if "python -m experiments.run" in section}
    assert with_command == {section.split("\n")[0] for section in sections} - {
        "The gradient against lag",
        "Where the gradient flows",
    }


@pytest.mark.parametrize(("fed", "scored", "length"), [(1, 1, 1), (1, 5, 5)])
def test_a_batch_made_by_hand_has_its_layout(fed, scored, length):
    batch = layouts.batch(fed, scored, length)
    assert np.asarray(batch.inputs).any(axis=(1, 2)).sum() == fed
    assert np.asarray(batch.weights)[:, 0].sum() == scored


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "first", "reach"),
    [(rnnx.rnn(64, recurrent_initializer="orthogonal(0.8)"), -6.9, 17), (rnnx.lstm(64, forget_bias=2.0), -0.1, 63)],
    ids=["rnn", "lstm"],
)
def test_the_gradient_is_what_the_page_says(cell, first, reach):
    model = rnnx.models.get("sequence")(cell, layouts.ADDING, rngs=layouts.nnx.Rngs(0))
    flow = layouts.flows(model, layouts.ADDING, layouts.ADDING.sample(layouts.KEY, 32, 64))["cell"]
    relative = np.asarray(flow.log10_state_norm)[:, 0] - np.asarray(flow.log10_state_norm)[:, 0].max()
    assert relative[0] == pytest.approx(first, abs=0.05)  # in one digit, as on the page
    assert 63 - np.flatnonzero(relative > -2)[0] == reach
