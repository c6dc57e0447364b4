"""The graph in a report is that of a trial, painted by the gradient that was measured in it."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.logbook.files import DamagedError
from rnnx.report import study
from rnnx.report.figures import computational_graph
from rnnx.report.on_data import _cells
from tests.report.figures.test_on_data import leave_parts
from tests.report.records import write_trial

TAG = "state_gradient/on_data"
T = 5


@functools.cache
def graph(task="adding", length=T, **options):
    task = rnnx.tasks.get(task)()
    model = rnnx.models.get(task.model)(rnnx.rnn(3), task, rngs=nnx.Rngs(0), **options)
    return rnnx.computational_graph(model, task.sample(jax.random.key(1), 2, length)).to_dict()


def write(directory, extra=None, of=None, **options):
    write_trial(directory, graph=graph() if of is None else of, length=T, extra=extra, **options)


def faces(figure):
    """The colour of the box of each step, by part and step."""
    boxes = {patch.get_gid(): patch for patch in figure.axes[1].patches if patch.get_gid()}
    return {name: patch.get_facecolor() for name, patch in boxes.items()}


def shade(relative):
    return pytest.approx(_cells.tints(np.array([relative])).colors[0])


def test_each_step_has_the_tint_of_its_gradient(tmp_path):
    write(tmp_path / "a", {TAG: [-5.0, -4.0, -3.0, -2.0, -2.5]})
    found = faces(computational_graph.draw(study.read(tmp_path), "adding"))
    assert {step: found[f"cell {step}"] for step in range(T)} == {
        step: shade(relative) for step, relative in enumerate((-3, -2, -1, 0, -0.5))
    }


def test_the_parts_of_one_trial_are_in_one_picture(tmp_path):
    tags = {f"encoder/{TAG}": [-3.0] * T, f"decoder/{TAG}": [-1.0] * T}
    curves = {f"{part}/state_gradient/state/log10_norm": [-1.0] * T for part in ("encoder", "decoder")}
    write(tmp_path / "a", tags | curves, graph("reverse", attention="none"), parts=())
    leave_parts(tmp_path / "a")
    found = faces(computational_graph.draw(study.read(tmp_path), "adding"))
    assert found["encoder 0"] == shade(-2)
    assert found["decoder 0"] == shade(0)


def test_without_a_measurement_it_is_not_painted(tmp_path):
    write(tmp_path / "a")
    figure = computational_graph.draw(study.read(tmp_path), "adding")
    assert [axes.get_label() for axes in figure.axes] == ["folded", "unrolled"]
    assert len(set(faces(figure).values())) == 1


def test_a_trial_without_a_graph_has_no_picture(tmp_path):
    write_trial(tmp_path / "a", length=T)
    assert computational_graph.draw(study.read(tmp_path), "adding") is None


def test_a_damaged_graph_is_named(tmp_path):
    write(tmp_path / "a", of={"parts": []})
    with pytest.raises(DamagedError, match=r"a/graph\.json is not the graph of a model"):
        study.read(tmp_path)
