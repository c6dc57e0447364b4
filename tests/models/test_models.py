"""What every model keeps to, whatever it is made of; a new one is tested on arrival, on the tasks that ask for it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.recursion import recursion
from rnnx.pytrees import named_leaves
from rnnx.training.program import applying, at_last, mean_loss, split
from rnnx.types import Captioned, Pair
from tests.helpers import at_hand
from tests.helpers.forecasting import forecasting_task
from tests.helpers.text_task import markov, text_task
from tests.variants import assert_close

T, B = 7, 3
WINDOW = 70  # steps of a forecast: each model looks at so many of them as it does by default
# Cell and options; of a model that is not here, a GRU and none. Every part is compiled for itself, so few of them: one
# of each direction, one after another that hands its state over, and a tree.
CASES = {
    "sequence": ("lstm", {"bidirectional": True}),
    "encoder_decoder": ("gru", {"attention": "dot"}),
    "captioner": ("gru", {"attention": "dot"}),
    "recursive": ("recursive", {}),
    "dsanet": ("gru", {"layers": 1}),
}
MORE = {
    "sequence, layers": ("lstm", {"layers": 2, "bidirectional": True}),
    "encoder_decoder, bidirectional": ("gru", {"attention": "dot", "bidirectional": True}),
    "sequence, residual": ("gru", {"layers": 3, "residual": True, "layer_norm": True}),
    "sequence, tied": ("gru", {"tied_embedding": True}),
    "encoder_decoder, none": ("lstm", {"attention": "none"}),
    "encoder_decoder, additive": ("lstm", {"attention": "additive"}),
    "captioner, none": ("lstm", {"attention": "none"}),
    "captioner, additive": ("lstm", {"attention": "additive"}),
    "recursive, rntn": ("rntn", {}),
}
TEXT, FORECASTS = text_task(markov(100, 6), 6), forecasting_task()
"""For models that no task asks for, each of which gets the first that it can be made for: a text, which it may count,
or series to be told in advance."""


# All laws of one model in one process, which so makes it and compiles its flows once.
def in_one_process(kept):
    return [
        pytest.param(name, marks=(pytest.mark.xdist_group(name), *([] if kept(name) else [pytest.mark.slow])))
        for name in (*rnnx.models.names(), *MORE)
    ]


every_model = pytest.mark.parametrize("name", in_one_process(lambda name: name not in MORE))


def double(tree):
    return jax.tree.map(lambda a: a.astype(float) if jnp.issubdtype(a.dtype, jnp.floating) else a, tree)


@functools.cache
def problem(name):
    """A model as a pure function with its task, parameters and a batch, in double precision."""
    cell, options = (CASES | MORE).get(name, ("gru", {}))
    name = name.partition(",")[0]
    tasks = [task for task in map(at_hand.task, rnnx.tasks.names()) if task is not None and task.model == name]
    tasks = sorted(tasks, key=lambda task: len(task.data)) or [TEXT, FORECASTS]  # first what stands on no data
    tasks = [TEXT] if options.get("tied_embedding") else tasks
    models = (functools.partial(rnnx.models.get(name), rnnx.cells.get(cell)(3), task, **options) for task in tasks)
    task, model = next((task, model) for task, model in zip(tasks, models, strict=True) if refusal(model) is None)

    @jax.jit  # else each number that is drawn is some programs
    def drawn():
        params, batch = split(model, jax.random.key(0))[1], task.sample(jax.random.key(1), B, length(task))
        return double(params), double(of_lengths(batch))

    return applying(model), task, *drawn()


def refusal(model):
    """What a model says of a task that it is not for when it is made; `None` where it is."""
    try:
        jax.eval_shape(lambda: split(model, jax.random.key(0))[1])
    except ValueError as error:
        return str(error)
    return None


def length(task):
    return WINDOW if task is FORECASTS else T


def of_lengths(batch):
    """The batch with examples of different lengths, the last position of each being scored; of windows, which have one
    length and one loss each, as it is."""
    if batch.weights.ndim == 1:
        return batch

    def lengths(positions):
        return len(positions) - 2 * jnp.arange(B)

    if isinstance(batch.inputs, Pair):
        inputs = batch.inputs._replace(target_lengths=lengths(batch.inputs.target))
        batch = batch._replace(inputs=inputs, lengths=lengths(inputs.source))
        scored = inputs.target_lengths
    elif isinstance(batch.inputs, Captioned):
        scored = lengths(batch.inputs.target)
        batch = batch._replace(inputs=batch.inputs._replace(target_lengths=scored))
    else:
        scored = lengths(batch.weights)
        batch = batch._replace(lengths=scored)
    t = jnp.arange(len(batch.weights))[:, None]
    weights = jnp.where(t == scored - 1, 1, jnp.where(t < scored, batch.weights, 0))
    return batch._replace(weights=weights)


def with_other_padding(batch):
    """The batch with something else, and NaN where there can be, past the lengths of its inputs."""

    def other(a, lengths):
        past = (jnp.arange(len(a))[:, None] >= lengths).reshape(*a.shape[:2], *[1] * (a.ndim - 2))
        return jnp.where(past, jnp.nan if jnp.issubdtype(a.dtype, jnp.floating) else 1 - jnp.minimum(a, 1), a)

    inputs = batch.inputs
    if batch.lengths is None and isinstance(inputs, jax.Array):
        return batch
    if isinstance(inputs, Pair):
        source, target = other(inputs.source, batch.lengths), other(inputs.target, inputs.target_lengths)
        return batch._replace(inputs=inputs._replace(source=source, target=target))
    if isinstance(inputs, Captioned):
        return batch._replace(inputs=inputs._replace(target=other(inputs.target, inputs.target_lengths)))
    return batch._replace(inputs=jax.tree.map(lambda a: other(a, batch.lengths), inputs))


def second(tree):
    """The second example of a batch, which is shorter than the first."""
    return jax.tree.map(lambda a: np.asarray(a)[1:2] if a.ndim == 1 else np.asarray(a)[:, 1:2], tree)


def last_loss(name, batch):
    """(parameters, run) -> the loss at each example's last scored position, and the outputs."""
    apply, task, *_ = problem(name)
    scored = at_last(batch)

    def loss(params, run):
        outputs = apply(params, scored, run)
        return mean_loss(task, outputs, scored), outputs

    return loss


@functools.cache
def compiled_flows(name):
    return jax.jit(lambda params, batch: rnnx.gradient_flows(last_loss(name, batch), params, has_aux=True))


def flowing(name, params, batch):
    """Outputs, and the gradient flow of each part, as `measured_flows`, as arrays of NumPy."""
    (_, outputs), _, flows = jax.tree.map(np.asarray, compiled_flows(name)(params, batch))
    return outputs, flows


@pytest.mark.parametrize("name", in_one_process(lambda name: name in ("encoder_decoder", "recursive")))
def test_probes_change_neither_outputs_nor_gradients(float64, name):
    *_, params, batch = problem(name)
    plainly = jax.jit(jax.value_and_grad(lambda params: last_loss(name, batch)(params, rnnx.plain_run), has_aux=True))
    found, gradients, flows = compiled_flows(name)(params, batch)
    assert_close((found, gradients), plainly(params))
    # What a part says of its parameters is the gradient of those of the model, each of which is of one part.
    for part, flow in flows.items():
        of_part = named_leaves(flow.param_gradients)
        of_model = named_leaves(gradients.get("cells", gradients)[part])
        assert_close({leaf: of_part[leaf] for leaf in of_model}, of_model)


def of_cell(leaf):
    """Whether these are the parameters of a cell, which are a named tuple."""
    return isinstance(leaf, tuple)


@every_model
def test_the_gradient_of_every_part_obeys_the_recursion(float64, name):
    """Δ from outside and from the next step (or parent), one step at a time; by outputs and by states handed over."""
    _, _, params, batch = problem(name)
    _, flows = flowing(name, params, batch)
    assert bool(flows) == any(map(of_cell, jax.tree.leaves(params, is_leaf=of_cell)))
    for part, flow in flows.items():
        residual = jax.jit(recursion)(flow)["recursion/residual"]
        assert residual < 1e-14, part  # some ten roundings of 1.1e-16, relative to the largest term


@pytest.mark.parametrize("name", in_one_process(lambda name: name in ("sequence", "encoder_decoder")))
def test_an_example_by_itself_is_as_in_a_batch(float64, name):
    """Outputs, and gradients at every step but for the mean over the batch."""
    *_, params, batch = problem(name)
    outputs, flows = flowing(name, params, batch)
    alone, flows_alone = flowing(name, params, second(batch))
    assert_close(alone, outputs[:, 1:2])
    # The mean is over what is scored, here one position of each example.
    weight = jax.jit(lambda batch: jnp.sum(at_last(batch).weights))
    share = weight(second(batch)) / weight(batch)
    for part, flow in flows.items():
        expected = jax.tree.map(lambda d: float(share) * d, flows_alone[part].state_gradients)
        n = flow.lag.shape[1] // B  # sequences of an example, beside each other: one, or one each of a period's steps
        assert_close(jax.tree.map(lambda d, n=n: d[:, n : 2 * n], flow.state_gradients), expected)


@every_model
def test_what_stands_in_the_padding_changes_nothing(float64, name):
    *_, params, batch = problem(name)
    outputs, flows = flowing(name, params, batch)
    others, flows_of_others = flowing(name, params, with_other_padding(batch))
    assert_close(others, outputs)
    for part, flow in flows.items():
        other = flows_of_others[part]
        for field in ("lag", "state_gradients", "input_gradients", "final_state_gradients", "param_gradients"):
            assert_close(getattr(other, field), getattr(flow, field))


@pytest.mark.parametrize("name", in_one_process(lambda name: name in ("sequence", "recursive")))
def test_every_diagnostic_of_training_says_something_of_every_part_and_a_nan_is_told(float64, name):
    from experiments.config import default

    *_, params, batch = problem(name)
    measure = jax.jit(lambda flows: rnnx.diagnostics.measured(default().diagnostics, flows))
    _, flows = flowing(name, params, batch)
    tags = measure(flows)
    assert len(tags) >= 10 * len(flows)
    poisoned = jax.tree.map(np.array, params)
    for leaf in jax.tree.leaves(poisoned):
        leaf[(0,) * leaf.ndim] = np.nan
    wrong = measure(flowing(name, poisoned, batch)[1])
    horizons = [value for tag, value in wrong.items() if tag.endswith("state/horizon")]
    assert len(horizons) == len(flows)
    assert np.isnan(horizons).all()


@every_model
def test_another_batch_compiles_nothing(float64, name):
    apply, task, params, _ = problem(name)
    traces = 0

    @jax.jit
    def loss(params, key):
        nonlocal traces
        traces += 1
        batch = double(task.sample(key, B, length(task)))
        return mean_loss(task, apply(params, batch, rnnx.plain_run), batch)

    values = [float(loss(params, jax.random.key(n))) for n in range(3)]
    assert traces == 1
    assert len(set(values)) == 3
