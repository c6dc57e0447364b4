"""What a trial keeps of the example that it is measured by."""

import json

import numpy as np
import pytest

from experiments import config
from experiments.trials import loop, trial
from rnnx import examples
from rnnx.logbook import read_metrics
from rnnx.report import study
from rnnx.report.figures import state_gradient_on_data
from rnnx.training.program import heldout_batch
from tests.experiments import study_small
from tests.helpers import at_hand

pytestmark = pytest.mark.xdist_group("heldout")  # its trials are made once

TAG = "state_gradient/on_data"
CASES = {"alone": ("rnn", 0), "of another cell": ("gru", 0), "of another seed": ("rnn", 1)}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """Trials one by one, and two side by side, the first of which is as one of the others."""
    workdir = tmp_path_factory.mktemp("heldout")

    def made(name, cell, seed):
        given = study_small.get_config()
        given.cell.name, given.seed, given.steps = cell, seed, 2
        given.diagnostics, given.task.length = ("state_gradient",), 7
        return trial.Trial(name, config.parse(given), workdir / name)

    for name, of in CASES.items():
        loop.run(trial.TrialGroup((made(name, *of),), 1), lambda news: None)
    beside = tuple(made(f"beside/{seed}", "rnn", seed) for seed in (0, 1))
    loop.run(trial.TrialGroup(beside, 2), lambda news: None)
    return workdir


def example(workdir, name):
    return json.loads((workdir / name / "example.json").read_text())


def test_all_cells_of_a_seed_are_measured_by_the_same_example(workdir):
    assert example(workdir, "alone") == example(workdir, "of another cell") == example(workdir, "beside/0")
    assert example(workdir, "of another seed") == example(workdir, "beside/1") != example(workdir, "alone")


def test_it_is_the_first_of_those_that_are_measured(workdir):
    task = at_hand.task("adding")
    batch = heldout_batch(task, np.uint32(0), 4, 7)
    assert example(workdir, "alone") == json.loads(json.dumps(examples.first(task, batch)._asdict()))


def test_every_measurement_has_the_gradient_at_each_of_its_steps(workdir):
    records = {name: read_metrics(workdir / name / "metrics.jsonl") for name in (*CASES, "beside/0", "beside/1")}
    for name, (first, last) in records.items():
        assert len(first[TAG]) == len(last[TAG]) == 7, name
        assert np.isfinite(last[TAG]).all()
    for alone, beside in (("alone", "beside/0"), ("of another seed", "beside/1")):
        for one, other in zip(records[alone], records[beside], strict=True):
            # vmap sums in another order, and float32 rounds at 6e-8.
            np.testing.assert_allclose(one[TAG], other[TAG], atol=1e-4)


def test_a_report_needs_no_checkpoint_for_it(workdir):
    figure = state_gradient_on_data.draw(study.read(workdir), "adding")
    assert [axes.get_label() for axes in figure.axes] == ["rnn", "gru", "scale"]
