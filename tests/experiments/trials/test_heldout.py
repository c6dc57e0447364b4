"""What a trial keeps of the example that it is measured by."""

import dataclasses
import json

import numpy as np
import pytest
from flax import nnx

import rnnx
from experiments import config
from experiments.trials import heldout, loop, trial
from rnnx import examples
from rnnx.computational_graph import Graph
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
    """Trials one by one."""
    workdir = tmp_path_factory.mktemp("heldout")
    for name, of in CASES.items():
        loop.run(trial.TrialGroup((made(workdir / name, *of),), 1), lambda news: None)
    return workdir


def made(directory, cell, seed):
    given = study_small.get_config()
    given.cell.name, given.seed, given.steps = cell, seed, 2
    given.diagnostics, given.task.length = ("state_gradient",), 7
    return trial.Trial(directory.name, config.parse(given), directory)


def example(workdir, name):
    return json.loads((workdir / name / "example.json").read_text())


def test_all_cells_of_a_seed_are_measured_by_the_same_example(workdir):
    assert example(workdir, "alone") == example(workdir, "of another cell") != example(workdir, "of another seed")


def test_it_is_the_first_of_those_that_are_measured(workdir):
    task = at_hand.task("adding")
    batch = heldout_batch(task, np.uint32(0), 4, 7)
    assert example(workdir, "alone") == json.loads(json.dumps(examples.first(task, batch)._asdict()))


def test_every_measurement_has_the_gradient_at_each_of_its_steps(workdir):
    for name in CASES:
        first, last = measured(workdir / name)
        assert len(first) == len(last) == 7, name
        assert np.isfinite(last).all()


@pytest.mark.slow
def test_trials_side_by_side_are_measured_by_the_examples_of_their_seeds(workdir, tmp_path):
    beside = tuple(made(tmp_path / str(seed), "rnn", seed) for seed in (0, 1))
    loop.run(trial.TrialGroup(beside, 2), lambda news: None)
    for alone, seed in (("alone", "0"), ("of another seed", "1")):
        assert example(workdir, alone) == example(tmp_path, seed)
        # vmap sums in another order, and float32 rounds at 6e-8.
        np.testing.assert_allclose(measured(workdir / alone), measured(tmp_path / seed), atol=1e-4)


def measured(directory):
    return [record[TAG] for record in read_metrics(directory / "metrics.jsonl")]


def test_a_report_needs_no_checkpoint_for_it(workdir):
    figure = state_gradient_on_data.draw(study.read(workdir), "adding")
    assert [axes.get_label() for axes in figure.axes] == ["rnn", "gru", "scale"]


def test_the_graph_of_the_model_is_kept(workdir):
    graph = Graph.from_dict(json.loads((workdir / "alone" / "graph.json").read_text()))
    assert {name: part.cell for name, part in graph.parts.items()} == {"cell": repr(rnnx.rnn(4))}
    assert graph.scored == (6,)
    assert graph.parts["cell"].fed == tuple(range(7))


def test_a_model_without_a_recurrence_has_no_graph():
    given = config.parse(study_small.get_config())
    given = dataclasses.replace(given, model=config.Section("tests.experiments.trials.test_heldout:Mean"))
    assert heldout.graph(given, heldout.batch(given)) is None


class Mean(nnx.Module):
    """No recurrence."""

    def __init__(self, cell, task, *, rngs):
        self.readout = nnx.Linear(task.input_size, task.output_size, rngs=rngs)

    def __call__(self, batch, run=None):
        return self.readout(batch.inputs)
