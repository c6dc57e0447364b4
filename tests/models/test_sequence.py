"""The sequence model: what it is made of, and that pure parameters are all there is to it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.models.sequence import Sequence
from rnnx.pytrees import in_type
from rnnx.training.program import applying, at_last, mean_loss, measured_flows, split
from rnnx.training.runs import execution
from rnnx.types import Batch
from tests.helpers import compiled
from tests.helpers.text_task import markov, text_task
from tests.variants import CELLS, assert_close, slow_unless

ADDING = rnnx.tasks.get("adding")()
BATCH = compiled.sample(ADDING.sample, jax.random.key(1), 3, 7)


def made(cell, task=ADDING, **options):
    """The model as a pure function, and its parameters."""
    model = functools.partial(Sequence, cell, task, **options)
    return applying(model), compiled.params(model)


def unrolled(cell, params):
    """The readout of the cell's outputs, written out."""
    ys = rnnx.unroll(cell, params["cells"]["cell"], BATCH.inputs).outputs
    return ys @ params["readout"]["kernel"] + params["readout"]["bias"]


# One that is diagonal and complex, and one with a form whose state is of several parts.
@pytest.mark.parametrize("name", slow_unless(lambda name: name in ("lru", "lstm"), CELLS))
def test_outputs_are_the_readout_of_the_unrolled_cell(name):
    cell = rnnx.cells.get(name)(5)
    apply, params = made(cell)
    found, expected = jax.jit(lambda p: (apply(p, BATCH, rnnx.plain_run), unrolled(cell, p)))(params)
    # The same products in the same order: equal but for fusion by the compiler, a few float32 roundings.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_tokens_are_embedded():
    apply, params = made(rnnx.gru(4), ADDING._replace(vocab_size=11, input_size=11, output_size=11))
    tokens = jnp.array([[1, 2], [10, 0]])
    seen = []

    def run(name, cell, params, xs, state=None, **options):
        seen.append(xs)
        return rnnx.plain_run(name, cell, params, xs, state, **options)

    @jax.jit
    def outputs_and_seen(params):
        return apply(params, Batch(tokens, tokens, jnp.ones((2, 2))), run), seen.pop()

    outputs, embedded = outputs_and_seen(params)
    assert outputs.shape == (2, 2, 11)
    np.testing.assert_array_equal(embedded, np.asarray(params["embedding"]["embedding"])[tokens])


def test_parameters_depend_on_the_key_only():
    model = functools.partial(Sequence, rnnx.lstm(4), ADDING)
    new = jax.jit(lambda key: split(model, key)[1])
    one, same, other = (jax.tree.map(np.asarray, new(jax.random.key(k))) for k in (0, 0, 1))
    assert all(jax.tree.leaves(jax.tree.map(np.array_equal, one, same)))
    assert not (one["cells"]["cell"].input_kernel == other["cells"]["cell"].input_kernel).any()


def test_layers_and_directions_are_parts_of_their_own():
    for options, names in (
        ({}, ["cell"]),
        ({"layers": 2}, ["layer0", "layer1"]),
        ({"bidirectional": True}, ["forward", "backward"]),
        (
            {"layers": 2, "bidirectional": True},
            ["layer0/forward", "layer0/backward", "layer1/forward", "layer1/backward"],
        ),
    ):
        model = functools.partial(Sequence, rnnx.gru(3), ADDING, **options)
        apply, params = applying(model), jax.eval_shape(lambda model=model: split(model, jax.random.key(0))[1])
        flows = jax.eval_shape(lambda p, apply=apply: measured_flows(apply, ADDING, p, BATCH)[1], params)
        assert sorted(flows) == sorted(names)
        assert sorted(names) == sorted(params["cells"])


def test_two_layers_both_ways_with_residuals_are_that_written_out(float64):
    cell = rnnx.gru(3)
    apply, params = made(cell, layers=2, bidirectional=True, residual=True)
    lengths = jnp.array([7, 2, 4])
    params, xs = jax.tree.map(lambda a: np.asarray(a, float), (params, BATCH.inputs))

    def layer(params, n, xs):
        sides = (
            rnnx.unroll(cell, params["cells"][f"layer{n}/{side}"], xs, lengths=lengths, reverse=side == "backward")
            for side in ("forward", "backward")
        )
        return jnp.concatenate([side.outputs for side in sides], axis=-1)

    @jax.jit
    def both(params, xs):
        first = layer(params, 0, xs)
        expected = (first + layer(params, 1, first)) @ params["readout"]["kernel"] + params["readout"]["bias"]
        return apply(params, BATCH._replace(inputs=xs, lengths=lengths), rnnx.plain_run), expected

    found, expected = both(params, xs)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-14)  # a few roundings of float64


def test_layer_norm_is_that_of_the_cell():
    apply, params = made(rnnx.lstm(3), layer_norm=True)
    cell = rnnx.layer_norm(rnnx.lstm(3))
    found, expected = jax.jit(lambda p: (apply(p, BATCH, rnnx.plain_run), unrolled(cell, p)))(params)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)  # as above
    with pytest.raises(ValueError, match="layer_norm"):
        made(rnnx.mingru(3), layer_norm=True)


@pytest.mark.slow
def test_a_learned_initial_state_is_a_parameter_of_each_part():
    apply, params = made(rnnx.gru(3), bidirectional=True, learned_initial_state=True)

    def loss(params):
        return mean_loss(ADDING, apply(params, BATCH, rnnx.plain_run), BATCH)

    # Only the last step is scored, which the backward part reaches first: its state there has come from s_0 too.
    for part in jax.jit(jax.grad(loss))(params)["cells"].values():
        assert np.all(np.asarray(part.initial_state.h) != 0)


def tied_and_untied():
    """The same model twice, in double precision: with one matrix, and with its transpose as another one."""
    task = text_task(markov(100, 7), 7)
    (tied, params), (untied, others) = (made(rnnx.gru(3), task, tied_embedding=tied) for tied in (True, False))
    bias, kernel = jnp.arange(7.0), params["embedding"]["embedding"].T
    params = in_type(float, params | {"bias": bias})
    others = params | {"readout": in_type(float, {"bias": bias, "kernel": kernel})}
    del others["bias"]
    batch = compiled.sample(task.sample, jax.random.key(2), 2, 5)

    def loss(apply, run=rnnx.plain_run):
        return lambda params: mean_loss(task, apply(params, batch, run), batch)

    return loss, (tied, params), (untied, others)


def test_a_tied_embedding_is_the_readout_too_and_gets_the_gradient_of_both(float64):
    loss, (tied, params), (untied, others) = tied_and_untied()

    @jax.jit
    def both(params, others):
        return jax.value_and_grad(loss(tied))(params), jax.value_and_grad(loss(untied))(others)

    (value, found), (expected_value, gradients) = both(params, others)
    assert_close(value, expected_value)
    assert_close(found["cells"], gradients["cells"])
    assert_close(found["bias"], gradients["readout"]["bias"])
    of_inputs, of_outputs = gradients["embedding"]["embedding"], gradients["readout"]["kernel"].T
    assert_close(found["embedding"]["embedding"], of_inputs + of_outputs)
    assert (np.abs(of_inputs).max(1) > 0).any()
    count, more = (sum(leaf.size for leaf in jax.tree.leaves(tree)) for tree in (params, others))
    assert more - count == 7 * 3


@pytest.mark.slow
def test_a_tied_embedding_is_rounded_where_time_runs_alone():
    loss, (tied, params), _ = tied_and_untied()
    params = in_type(jnp.float32, params)
    run = execution("bfloat16")(rnnx.plain_run)
    both = jax.jit(lambda params: (jax.value_and_grad(loss(tied, run))(params), loss(tied)(params)))
    (value, gradients), plainly = both(params)
    # 8 bits of the states, of which logits of order 1 are sums of three.
    np.testing.assert_allclose(value, plainly, rtol=2e-2)
    assert value != plainly
    assert all(leaf.dtype == jnp.float32 and np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        (ADDING, {}, "^tied_embedding is for tasks whose outputs are for the tokens that are read, unlike here"),
        (ADDING._replace(vocab_size=5, output_size=4), {}, "^tied_embedding is for tasks whose outputs are for"),
        (
            ADDING._replace(vocab_size=5, output_size=5),
            {"bidirectional": True},
            "as wide as the embedding, 3, and those of both directions are 6: set bidirectional to False",
        ),
    ],
)
def test_an_embedding_that_cannot_be_the_readout_is_not_tied(task, options, message):
    with pytest.raises(ValueError, match=message):
        Sequence(rnnx.gru(3), task, tied_embedding=True, rngs=nnx.Rngs(0), **options)


def test_a_number_of_layers_below_one_is_refused():
    with pytest.raises(ValueError, match=r"^layers must be a whole number of at least 1, not 0\.$"):
        Sequence(rnnx.gru(3), ADDING, layers=0, rngs=nnx.Rngs(0))


def test_the_flow_is_of_the_last_scored_step_alone():
    """What is measured on a many-to-many task equals what is measured when only the last scored step has a weight."""
    apply, params = made(rnnx.rnn(4))
    weights, last = np.ones((7, 3), np.float32), np.zeros((7, 3), np.float32)
    weights[5:, 1] = 0
    last[[6, 4, 6], [0, 1, 2]] = 1
    many = BATCH._replace(weights=weights)
    np.testing.assert_array_equal(jax.jit(at_last)(many).weights, last)
    outputs, flows = jax.jit(lambda params: measured_flows(apply, ADDING, params, many))(params)

    @jax.jit
    @functools.partial(jax.grad, has_aux=True)
    def expected(params):
        plainly = apply(params, many, rnnx.plain_run)
        return mean_loss(ADDING, plainly, many._replace(weights=last)), plainly

    gradients, plainly = expected(params)
    np.testing.assert_allclose(outputs, plainly, rtol=1e-6, atol=1e-6)

    # Two backward passes of the same sums, compiled differently: a few float32 roundings.
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7),
        flows["cell"].param_gradients,
        gradients["cells"]["cell"],
    )
    states = np.asarray(flows["cell"].state_gradients.h)
    assert (states[5:, 1] == 0).all()
    assert (states[4, 1] != 0).all()


@pytest.mark.parametrize(
    "cell",
    [
        rnnx.learned_initial_state(rnnx.lru(4)),
        *(pytest.param(cell, marks=pytest.mark.slow) for cell in (rnnx.lru(4), rnnx.gru(4))),
    ],
)
def test_bfloat16_runs_any_cell(cell):
    """Complex numbers, of which there are none in bfloat16, stay what they are."""
    apply, params = made(cell)
    execute = execution("bfloat16")

    def loss(params):
        return mean_loss(ADDING, apply(params, BATCH, execute(rnnx.plain_run)), BATCH)

    @jax.jit
    def both(params):
        return jax.grad(loss)(params), measured_flows(apply, ADDING, params, BATCH, execute)[1]

    gradients, flows = both(params)
    assert all(leaf.dtype == jnp.float32 and np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
    assert np.isfinite(flows["cell"].log10_state_norm).all()


def test_real_numbers_are_cast_and_no_others():
    given = {"real": jnp.ones(1), "complex": jnp.full(1, 1 + 2j), "whole": jnp.ones(1, int)}
    found = in_type(jnp.bfloat16, given)
    assert {name: leaf.dtype.name for name, leaf in found.items()} == {
        "real": "bfloat16",
        "complex": "complex64",
        "whole": "int32",
    }
