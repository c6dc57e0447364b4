"""R10: a checkpoint of another model is refused by name, and left as it is."""

import json
import shutil

import pytest

from experiments.config import parse
from experiments.trials import loop
from experiments.trials.trial import Trial, TrialGroup
from tests.experiments import study_small


def made(directory, **changes):
    given = study_small.get_config()
    given.steps = given.measure_every = 10
    with given.unlocked():
        given.update_from_flattened_dict(changes)
    return Trial("it", parse(given), directory)


def end(one):
    news = []
    loop.run(TrialGroup((one,), 1), news.append)
    return news[-1].outcome


@pytest.fixture(scope="module")
def of_lstm(tmp_path_factory):
    directory = tmp_path_factory.mktemp("lstm")
    assert end(made(directory)) == "done"
    return directory / "checkpoints"


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({"cell.hidden_size": 5}, ["params/cells/cell/recurrent_kernel is float32[4, 16], not float32[5, 20]"]),
        pytest.param(
            {"cell.name": "gru"},
            ["params/cells/cell/bias is float32[16], not float32[12]", "recurrent_bias is missing"],
            marks=pytest.mark.slow,
        ),
        pytest.param({"optimizer": "sgd"}, ["opt_state/1/0/count is int32[], not expected"], marks=pytest.mark.slow),
    ],
)
def test_a_trial_refuses_it_in_one_line(of_lstm, tmp_path, survived, changes, differences):
    """Shape, missing and extra arrays, as they come where files are copied from one trial to another."""
    other = made(tmp_path / "other", **changes)
    shutil.copytree(of_lstm, other.directory / "checkpoints")
    outcome = end(other)
    assert "is of another model" in outcome
    for difference in differences:
        assert difference in outcome
    assert "\n" not in outcome
    assert json.loads((other.directory / "FAILED.json").read_text())["error"] == outcome
    assert (other.directory / "checkpoints" / "10").is_dir()
    survived("R10", "a checkpoint of another model")
