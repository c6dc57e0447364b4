"""The graph that is read off a model is the one that is known of it."""

import json

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

import rnnx
from rnnx.computational_graph import Edge, Graph
from rnnx.types import Nodes, Pair

B, H, T = 3, 4, 6
KEY = jax.random.key(0)
ADDING, REVERSE = (rnnx.tasks.get(name)() for name in ("adding", "reverse"))


def model(name, cell, task, **options):
    return rnnx.models.get(name)(cell, task, rngs=nnx.Rngs(0), **options)


def flows_into(graph, target, taken):
    return [edge[:2] for edge in graph.edges if (edge.target, edge.taken) == (target, taken)]


def numbers(fed, scored, T=T):
    """A batch of two numbers a step, zeros where nothing is fed, and weights where it is scored."""
    inputs, weights = (jnp.zeros(shape).at[jnp.array(at)].set(1) for shape, at in (((T, B, 2), fed), ((T, B), scored)))
    return rnnx.Batch(inputs, jnp.zeros((T, B, 1)), weights)


LAYOUTS = {
    "one to one": (1, (0,), (0,)),
    "one to many": (T, (0,), tuple(range(T))),
    "many to one": (T, tuple(range(T)), (T - 1,)),
    "many to many": (T, tuple(range(T)), tuple(range(T))),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_what_is_fed_and_what_is_scored(layout):
    steps, fed, scored = LAYOUTS[layout]
    graph = rnnx.computational_graph(model("sequence", rnnx.rnn(H), ADDING), numbers(fed, scored, steps))
    (part,) = graph.parts.values()
    assert (part.name, part.inputs, part.outputs, part.state) == ("cell", (steps, B, 2), (steps, B, H), {"h": (B, H)})
    assert (part.steps, part.fed, part.children) == (tuple(range(steps)), fed, None)
    assert (graph.scored, graph.outputs) == (scored, (steps, B, 1))
    assert graph.edges == (Edge("", "inputs", "cell", "inputs"), Edge("cell", "outputs", "", "outputs"))


@pytest.mark.parametrize("attention", ["none", "dot", "additive"])
def test_a_decoder_starts_where_the_encoder_ended_and_may_attend_to_its_outputs(attention):
    """Many to one, then one to many. The first example is 2 of 6 steps long."""
    symbols = jnp.ones((T, B), int)
    lengths = jnp.array([2, 6, 3])
    weights = (jnp.arange(T)[:, None] < lengths).astype(float)
    batch = rnnx.Batch(Pair(symbols, symbols, lengths), symbols, weights, lengths)
    graph = rnnx.computational_graph(model("encoder_decoder", rnnx.lstm(H), REVERSE, attention=attention), batch)
    assert list(graph.parts) == ["encoder", "decoder"]
    for part in graph.parts.values():
        assert part.steps == part.fed == (0, 1)
        assert (part.inputs, part.state) == ((T, B, H), {"h": (B, H), "c": (B, H)})
    assert graph.scored == (0, 1)
    assert flows_into(graph, "decoder", "inputs") == flows_into(graph, "encoder", "inputs") == [("", "inputs")]
    assert flows_into(graph, "decoder", "state") == [("encoder", "final_state")]
    assert flows_into(graph, "decoder", "params") == ([] if attention == "none" else [("encoder", "outputs")])
    assert flows_into(graph, "", "outputs") == [("decoder", "outputs")]
    assert not flows_into(graph, "encoder", "state")


def test_of_layers_in_both_directions_each_reads_both_below_and_runs_its_own_way():
    graph = rnnx.computational_graph(
        model("sequence", rnnx.gru(H), ADDING, layers=2, bidirectional=True), numbers(range(T), (T - 1,))
    )
    lower, upper = (tuple(f"layer{n}/{way}" for way in ("forward", "backward")) for n in (0, 1))
    assert tuple(graph.parts) == lower + upper
    for n, (forward, backward) in enumerate((lower, upper)):
        assert graph.parts[forward].steps == graph.parts[backward].steps[::-1] == tuple(range(T))
        assert graph.parts[forward].inputs == graph.parts[backward].inputs == (T, B, (2, 2 * H)[n])
    for part in upper:
        assert flows_into(graph, part, "inputs") == [(below, "outputs") for below in lower]
        assert graph.parts[part].fed == ()
    assert flows_into(graph, "", "outputs") == [(part, "outputs") for part in upper]


@pytest.mark.parametrize("residual", [False, True])
def test_a_residual_connection_is_an_edge_past_a_layer(residual):
    graph = rnnx.computational_graph(
        model("sequence", rnnx.gru(H), ADDING, layers=3, residual=residual), numbers(range(T), (T - 1,))
    )
    past = [("layer0", "outputs")] if residual else []
    assert flows_into(graph, "layer2", "inputs") == [*past, ("layer1", "outputs")]


def test_of_a_tree_words_enter_at_the_leaves_and_children_are_those_of_the_first_example():
    leaf = (-1, -1)
    trees = [[leaf, leaf, leaf, (1, 2), (0, 3)], [leaf, leaf, (0, 1), leaf, (2, 3)]]
    children = jnp.array(trees).transpose(1, 0, 2)
    weights = (children[..., 0] >= 0).astype(float)
    batch = rnnx.Batch(Nodes(jnp.zeros((5, 2), int), children), jnp.zeros((5, 2), int), weights)
    task = rnnx.tasks.get("tournament")()
    graph = rnnx.computational_graph(model("recursive", rnnx.cells.get("recursive")(H), task), batch)
    (part,) = graph.parts.values()
    assert part.name == "tree"
    assert part.children == tuple(trees[0])
    assert part.fed == (0, 1, 2)
    assert graph.scored == (3, 4)


def image_to_words(batch, run=rnnx.plain_run):
    """A state that is made of the batch, an output that is made of the last state, and one loss an example."""
    cell = rnnx.gru(2)
    params = cell.init(KEY, 2)
    mask = jnp.arange(T)[:, None] < jnp.array([2, 3, 4])
    s_0 = type(cell.initial_state(params, (B,)))(batch.inputs[0])
    return run("words", cell, params, jnp.ones((T, B, 2)), s_0, mask=mask).final_state.h


def test_anyones_function_is_drawn_with_a_state_made_of_the_batch_and_a_loss_of_the_whole():
    batch = numbers(range(T), (0,))._replace(weights=jnp.ones(B))
    graph = rnnx.computational_graph(image_to_words, batch)
    assert graph.parts["words"].steps == (0, 1)
    assert graph.edges == (Edge("", "inputs", "words", "state"), Edge("words", "final_state", "", "outputs"))
    assert graph.parts["words"].fed == ()
    assert (graph.scored, graph.outputs) == (None, (B, 2))


def test_nothing_of_a_part_is_computed_and_the_graph_is_the_same_twice():
    def counted(batch, run):
        return run("cell", cell._replace(step=step, form=None), cell.init(KEY, 2), batch.inputs).outputs

    def step(params, state, x):
        jax.debug.callback(lambda: ran.append(1))
        return cell.step(params, state, x)

    cell, ran, batch = rnnx.rnn(H), [], numbers(range(T), (0,))
    first, again = (rnnx.computational_graph(counted, batch) for _ in range(2))
    assert first.edges == again.edges
    jax.effects_barrier()
    assert not ran


def test_what_there_is_no_graph_of_is_said_in_a_line():
    batch = numbers(range(T), (0,))
    with pytest.raises(
        ValueError, match=r"^memoryless has no recurrent part to draw a graph of: it calls run nowhere\.$"
    ):
        rnnx.computational_graph(memoryless, batch)
    with pytest.raises(ValueError, match="'cell' has run already; each call of run needs a name of its own"):
        rnnx.computational_graph(lambda batch, run: image_to_words(batch, twice(run)), batch)
    with pytest.raises(ValueError, match="not there under jit: ask for it outside"):
        jax.eval_shape(lambda batch: rnnx.computational_graph(memoryless, batch), batch)


def memoryless(batch, run):
    return batch.inputs


def twice(run):
    def run_twice(name, cell, *arguments, **options):
        run("cell", cell, *arguments, **options)
        return run("cell", cell, *arguments, **options)

    return run_twice


@pytest.mark.parametrize("task", ["reverse", "tournament"])
def test_it_goes_through_json(task):
    made = rnnx.tasks.get(task)()
    cell = rnnx.cells.get("rntn")(H) if task == "tournament" else rnnx.lstm(H)
    graph = rnnx.computational_graph(model(made.model, cell, made), made.sample(KEY, B, 4))
    assert Graph.from_dict(json.loads(json.dumps(graph.to_dict()))) == graph


@pytest.mark.parametrize("content", [{}, {"parts": [], "edges": []}, {"parts": [{"name": "x"}], "edges": []}])
def test_what_is_no_graph_is_refused(content):
    with pytest.raises((KeyError, TypeError)):
        Graph.from_dict(content)
