"""The picture of a model is of its graph: every step, edge and loss that it has, and the gradient that was measured."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import pytest
from flax import nnx
from matplotlib.text import Text

import rnnx
from rnnx.report.graph import columns
from rnnx.report.on_data import _cells
from tests.helpers import compiled
from tests.helpers.forecasting import forecasting_task

matplotlib.use("Agg")
KEY, B = jax.random.key(1), 2


@functools.cache
def example(task="adding", cell=None, length=5, **options):
    """A model and a batch of a task."""
    task = rnnx.tasks.get(task)()
    model = rnnx.models.get(task.model)(cell or rnnx.rnn(3), task, rngs=nnx.Rngs(0), **options)
    batch = compiled.sample(task.sample, KEY, B, max(length, task.min_length))
    if length < task.min_length:
        batch = batch._replace(inputs=batch.inputs[-length:], weights=batch.weights[-length:])
    return task, model, batch


@functools.cache
def flows_of(*arguments, **options):
    task, model, batch = example(*arguments, **options)
    graphdef, params = nnx.split(model)

    @jax.jit
    def flows(params, batch):
        def loss(params, run):
            return jnp.sum(task.losses(nnx.merge(graphdef, params)(batch, run), batch) * batch.weights)

        return rnnx.gradient_flows(loss, params)[2]

    return flows(params, batch)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def boxes(figure):
    """What is drawn of a state, by part and step."""
    made = {}
    for patch in figure.axes[1].patches:
        if patch.get_gid():
            name, _, step = patch.get_gid().rpartition(" ")
            made[name, step if step == "folded" else int(step)] = patch
    return made


CASES = {
    "one step": {"length": 1},
    "many to one": {},
    "two directions": {"layers": 2, "bidirectional": True},
    "past a layer": {"layers": 3, "residual": True},
    "hand-over": {"task": "reverse", "attention": "none"},
    "attention": {"task": "reverse", "cell": rnnx.lstm(3), "attention": "dot", "layers": 2},
    "folded": {"cell": rnnx.lstm(3), "length": 40},
    "picture": {"task": "scenes", "attention": "dot"},
    "tree": {"task": "tournament", "cell": rnnx.cells.get("rntn")(3)},
}


@functools.cache
def picture(case):
    _, model, batch = example(**CASES[case])
    return rnnx.show.graph(model, batch, steps=5)


@pytest.mark.parametrize("case", CASES)
def test_axes_have_labels_and_all_letters_lie_within_the_figure(case):
    figure = picture(case)
    assert [axes.get_label() for axes in figure.axes] == ["folded", "unrolled"]
    assert all(axes.get_xlabel() and axes.get_title() for axes in figure.axes)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["inputs", "states", "outputs", "loss"]
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert box.x0 >= 0, text
            assert box.y0 >= 0, text
            assert box.x1 <= width, text
            assert box.y1 <= height, text


@pytest.mark.parametrize("case", CASES)
def test_every_step_is_a_box_and_every_scored_one_a_loss(case):
    _, model, batch = example(**CASES[case])
    graph, figure = rnnx.computational_graph(model, batch), picture(case)
    drawn = boxes(figure)
    for name, part in graph.parts.items():
        shown = part.steps if part.children else [step for step in columns.columns(part.steps, 5) if len(step) == 1]
        steps = [step if part.children else step[0] for step in shown]
        assert [(name, step) in drawn for step in steps] == [True] * len(steps)
    last = graph.parts[graph.sources("", "outputs")[-1][0]]
    if len(last.steps) <= 6:
        losses = [text for text in texts(figure) if text.startswith("$L_")]
        assert losses == [f"$L_{{{step + 1}}}$" for step in graph.scored]


def test_shapes_are_those_of_what_flows():
    folded = {text.get_text() for text in picture("folded").axes[0].texts}
    assert {"[40, 2, 2]", "[40, 2, 3]", "[40, 2, 1]", "h, c [2, 3]", "U", "W", "V", "cell"} <= folded


@pytest.mark.parametrize(("length", "steps", "more"), [(40, 3, 37), (8, 6, 2), (7, 6, 0), (2, 2, 0)])
def test_a_long_sequence_is_folded_between_its_ends(length, steps, more):
    _, model, batch = example(length=length)
    figure = rnnx.show.graph(model, batch, steps=steps)
    assert ("cell", "folded") in boxes(figure) or not more
    assert (f"… {more} more …" in texts(figure)) == bool(more)
    assert len(boxes(figure)) == (steps + 1 if more else length)


def test_parts_that_follow_each_other_stand_side_by_side_and_others_one_above_another():
    _, model, batch = example(**CASES["attention"])
    assert columns.groups(rnnx.computational_graph(model, batch)) == [
        ["encoder/layer0", "encoder/layer1"],
        ["decoder/layer0", "decoder/layer1"],
    ]
    _, model, batch = example(**CASES["two directions"])
    (group,) = columns.groups(rnnx.computational_graph(model, batch))
    assert len(group) == 4


@pytest.mark.parametrize(
    "case", ["folded", "two directions", pytest.param("hand-over", marks=pytest.mark.slow), "tree"]
)
def test_each_step_is_painted_by_its_gradient(case):
    _, model, batch = example(**CASES[case])
    flows = flows_of(**CASES[case])
    drawn = boxes(rnnx.show.graph(model, batch, flows=flows))
    norms = {}
    for name, flow in flows.items():
        own = np.asarray(flow.lag[:, 0]) >= 0
        gradients = jax.tree.leaves(flow.state_gradients)
        squares = sum(np.square(np.asarray(g[:, 0], float)).sum(axis=-1) for g in gradients)
        norms |= {(name, int(flow.position[k, 0])): np.sqrt(squares[k]) for k in np.flatnonzero(own)}
    assert drawn.keys() == norms.keys(), "also what is folded"
    largest = max(norms.values())
    for at, norm in norms.items():
        with np.errstate(divide="ignore"):
            tint = _cells.tints(np.log10(np.array([norm / largest])))
        # One of 256 shades up or down, as float32 rounds.
        np.testing.assert_allclose(drawn[at].get_facecolor(), tint.colors[0], atol=0.02, err_msg=str(at))
        assert (drawn[at].get_hatch() or "") == tint.hatches[0]


def test_a_part_has_one_colour_which_is_that_of_its_cell():
    one = {patch.get_facecolor() for (_, step), patch in boxes(picture("folded")).items() if step != "folded"}
    assert one == {matplotlib.colors.to_rgba("#0072B2")}
    of = {(name, patch.get_facecolor()) for (name, _), patch in boxes(picture("past a layer")).items()}
    assert len(of) == len({color for _, color in of}) == 3


def whole(batch, run):
    """A state that is made of the batch, and one loss an example."""
    cell = rnnx.rnn(2)
    state = cell.initial_state(cell.init(KEY, 2), (B,))._replace(h=batch.inputs[0])
    return run("cell", cell, cell.init(KEY, 2), batch.inputs, state).final_state.h


def test_a_loss_of_the_whole_example_is_one():
    batch = example()[2]
    figure = rnnx.show.graph(whole, batch._replace(weights=jnp.ones(B)))
    assert texts(figure).count("L") == 2, "folded and unrolled"
    assert "$s_0$" not in texts(figure), "it is made of the batch"


def test_a_picture_enters_once_and_is_looked_at_from_every_step():
    _, model, batch = example(**CASES["picture"])
    graph = rnnx.computational_graph(model, batch)
    assert list(graph.parts) == ["decoder"]
    assert [graph.sources("decoder", taken) for taken in ("inputs", "state", "params")] == [(("", "inputs"),)] * 3
    assert graph.scored == tuple(range(int(batch.inputs.target_lengths[0])))
    shown = texts(picture("picture"))
    assert shown.count("x") == 3, "beside the part, below it where it is folded, and before the first step"
    assert "first h" in shown
    assert "attention" in shown
    assert "attention: looked at from every step" in shown
    assert "$s_0$" not in shown


def test_what_is_said_of_two_parts_that_look_stands_apart():
    """Of a network whose encoder looks at the batch, and whose decoder at the encoder."""
    task = forecasting_task()
    model = rnnx.models.get("da_rnn")(rnnx.lstm(4), task, rngs=nnx.Rngs(0))
    figure = rnnx.show.graph(model, compiled.sample(task.sample, KEY, B, 10))
    figure.canvas.draw()
    said = [text for axes in figure.axes for text in axes.texts if "looked at from" in text.get_text()]
    one, other = (text.get_window_extent() for text in said)
    assert not one.overlaps(other)


def pooled(batch, run):
    """The second part runs over every other output of the first."""
    cell = rnnx.rnn(2)
    low = run("low", cell, cell.init(KEY, 2), batch.inputs)
    return run("high", cell, cell.init(KEY, 2), low.outputs[::2]).final_state.h


def test_outputs_that_are_read_at_other_steps_are_a_line_over_all_of_them():
    batch = example()[2]
    graph = rnnx.computational_graph(pooled, batch)
    assert columns.groups(graph) == [["low"], ["high"]]
    assert list(columns.looked_at(graph)) == ["high"]
    shown = texts(rnnx.show.graph(pooled, batch._replace(weights=jnp.ones(B))))
    assert "outputs, for other steps" in shown
    assert "handed over" not in shown


def test_what_can_not_be_drawn_is_said_in_a_line():
    _, model, batch = example()
    flows = flows_of()
    with pytest.raises(ValueError, match="no recurrent part to draw a graph of"):
        rnnx.show.graph(lambda batch, run: batch.inputs, batch)
    with pytest.raises(ValueError, match=r"^flows must be of the parts 'cell' of this model, not of 'encoder'\.$"):
        rnnx.show.graph(model, batch, flows={"encoder": flows["cell"]})
    with pytest.raises(ValueError, match="'cell' is of other steps than the graph: both must be of one batch"):
        rnnx.show.graph(model, example(length=7)[2], flows=flows)
    with pytest.raises(ValueError, match="steps must be at least 2, the first and the last, not 1"):
        rnnx.show.graph(model, batch, steps=1)
    with pytest.raises(ValueError, match="has no step of 'cell': choose another batch"):
        rnnx.show.graph(model, batch._replace(lengths=jnp.array([0, 5])))
    with pytest.raises(ValueError, match="there are none of under jit"):
        jax.eval_shape(lambda loss: bool(rnnx.show.graph(model, batch, flows={"cell": traced(flows, loss)})), 1.0)


def traced(flows, loss):
    return dataclasses.replace(flows["cell"], loss=loss)
