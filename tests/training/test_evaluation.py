"""Means over a whole split do not depend on how it is cut into batches."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.training.evaluation import evaluate
from rnnx.training.program import position_means, program
from rnnx.types import Batch
from tests.helpers.text_task import text_task

N = 10
VALUES = np.random.default_rng(0).normal(size=(7, N)).astype(np.float32)
WEIGHTS = (np.arange(7)[:, None] < np.arange(N) % 7 + 1).astype(np.float32)  # examples of other lengths


def batches(size):
    for start in range(0, N, size):
        cut = slice(start, start + size)
        yield Batch(jnp.asarray(VALUES[:, cut]), jnp.zeros(()), jnp.asarray(WEIGHTS[:, cut]))


def score(params, batch, states=None):
    assert states is None
    last = jnp.zeros_like(batch.weights).at[-1].set(1)
    loss = params * batch.inputs
    return {"loss": (loss, batch.weights), "last": (loss, batch.weights * last), "never": (loss, 0 * last)}, None


@pytest.mark.parametrize("size", [1, 3, N])
def test_each_example_counts_once_by_its_weights(size):
    """Not as a mean of the batches' means, of which the last would count too much."""
    compiled = []

    @jax.jit
    def counted(params, batch, states):
        compiled.append(batch)
        return score(params, batch, states)

    found = evaluate(counted, jnp.float32(2.0), batches(size), lambda means: {"twice": 2 * means["loss"]})
    exact = 2 * VALUES.astype(float)
    assert found["loss"] == pytest.approx(np.average(exact, weights=WEIGHTS), rel=1e-14)  # sums in float64
    assert found["last"] == pytest.approx(np.average(exact[-1], weights=WEIGHTS[-1]), rel=1e-14)
    assert found["twice"] == 2 * found["loss"]
    assert np.isnan(found["never"])
    assert len(compiled) == (1 if N % size == 0 else 2)  # once for full batches, once for the last


@pytest.mark.parametrize("size", [1, 3, N])
def test_what_positions_do_not_tell_follows_from_means_that_the_summary_alone_is_given(size):
    """A variance, from the first two moments over the split; it is no number by itself."""

    @jax.jit
    def moments(params, batch, states):
        values = jnp.stack([batch.inputs, jnp.square(batch.inputs)], axis=-1)
        return {"loss": (batch.inputs, batch.weights), "moments": (values, batch.weights)}, None

    found = evaluate(moments, None, batches(size), lambda of: {"variance": of["moments"][1] - of["moments"][0] ** 2})
    assert found.keys() == {"loss", "variance"}
    mean = np.average(VALUES.astype(float), weights=WEIGHTS)
    expected = np.average((VALUES.astype(float) - mean) ** 2, weights=WEIGHTS)
    assert found["variance"] == pytest.approx(expected, rel=1e-6)  # squares in float32, which rounds at 6e-8


def test_a_measurement_has_no_such_scores():
    weights = jnp.ones(4)
    scores = {"one": (jnp.full(4, 2.0), weights), "moments": (jnp.ones((4, 7, 3)), weights)}
    assert position_means(scores) == {"one": 2.0}


V, CHUNK = 5, 8
TEXT = np.random.default_rng(1).integers(V, size=200).astype(np.int32)


def stretches(size):
    """The text in so many stretches, side by side, of which the last ones are short, or empty."""
    S = math.ceil(math.ceil((len(TEXT) - 1) / size) / CHUNK) * CHUNK
    for start in range(0, S, CHUNK):
        position = np.arange(CHUNK)[:, None] + start + np.arange(size) * S
        there = position < len(TEXT) - 1
        inputs, targets = (TEXT[np.minimum(position + n, len(TEXT) - 1)] for n in (0, 1))
        restarts = (np.arange(size) == 0) & (start == 0)
        yield Batch(*map(jnp.asarray, (inputs, targets, there.astype(np.float32))), restarts=jnp.asarray(restarts))


def text_program(cell, **options):
    task = text_task(TEXT, V)
    model = functools.partial(rnnx.models.get("sequence"), cell, task, **options)
    shape = {"length": CHUNK, "batch_size": 2, "steps_per_dispatch": 1, "measure_batch_size": 2}
    return program(model, task, **shape, diagnostics=())


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        (rnnx.lstm(6), {}),
        pytest.param(rnnx.gru(6), {"layers": 2, "learned_initial_state": True}, marks=pytest.mark.slow),
        # It forgets so slowly that no stretch is long enough.
        (rnnx.lru(6, r_min=0.999, r_max=0.9999), {}),
    ],
    ids=["lstm", "two layers of learned initial states", "slow lru"],
)
def test_a_text_has_one_loss_however_it_is_cut(cell, options):
    """That of one pass over all of it, the memory being that of everything before."""
    of = text_program(cell, **options)
    params = jax.tree.map(lambda p: 2 * p, of.init(0).params)  # so that the memory matters
    whole = next(stretches(1))._replace(inputs=jnp.asarray(TEXT[:-1, None]), targets=jnp.asarray(TEXT[1:, None]))
    weights = jnp.ones((len(TEXT) - 1, 1))
    exact = of.score(params, whole._replace(weights=weights, restarts=None), None)[0]["loss"][0].mean()
    found = {size: evaluate(of.score, params, stretches(size))["loss"] for size in (1, 3, 16)}
    # float32 rounds at 6e-8, in a hundred sums; where states are taken for equal they differ by 1e-4 in a few steps.
    np.testing.assert_allclose(list(found.values()), float(exact), rtol=3e-6)
    alone = jnp.ones(16, bool)
    emptied = evaluate(of.score, params, (b._replace(restarts=alone & (n == 0)) for n, b in enumerate(stretches(16))))
    assert abs(emptied["loss"] - exact) > 1e-4  # with empty memories it is another number


def test_a_network_that_never_forgets_is_not_read_as_often_as_there_are_stretches():
    """A unit that holds what it has for ever, of which there are some in practice, made a test split take hours."""
    of = text_program(rnnx.lru(6, r_min=0.999, r_max=0.9999))
    params, read = of.init(0).params, []

    def score(params, batch, states):
        if not isinstance(batch.inputs, jax.core.Tracer):
            read.append(batch.inputs.size)
        return of.score(params, batch, states)

    evaluate(score, params, stretches(16))
    once = sum(batch.inputs.size for batch in stretches(16))
    assert sum(read) == 6 * once  # five times side by side, and one by one
