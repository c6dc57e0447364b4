"""Attention: the weights are those of the formula, and how many places are looked at has known answers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.combinators.attention import attended
from rnnx.diagnostics.attention import attention

T, B, I, H, S = 5, 3, 2, 3, 4
LENGTHS = jnp.array([4, 2, 1])


def measured(score, scale=1.0, lengths=LENGTHS, steps=None):
    """Of a decoder that looks at a memory, and the flow that it is told of."""
    cell = rnnx.attention(rnnx.rnn(H), H, score=score)
    params = cell.init(jax.random.key(0), I)
    params = params._replace(query_kernel=scale * params.query_kernel)
    memory = jnp.asarray(np.random.default_rng(1).normal(size=(S, B, H)), jnp.float32)
    params = attended(params, memory, lengths=lengths)
    xs = jnp.asarray(np.random.default_rng(2).normal(size=(T, B, I)), jnp.float32)

    @jax.jit
    def told(params):
        flow = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2), lengths=steps)
        return flow, attention(flow)

    return told(params)


@pytest.mark.parametrize("score", ["dot", pytest.param("additive", marks=pytest.mark.slow)])
def test_the_weights_are_those_of_the_formula(score):
    flow, told = measured(score)
    params = jax.tree.map(np.asarray, flow.params)
    before = np.concatenate([np.zeros((1, B, H)), np.asarray(flow.outputs)[:-1]])
    query = before @ params.query_kernel
    if score == "dot":
        scores = np.einsum("tbm,sbm->tbs", query, params.memory)
    else:
        hidden = np.tanh(query[:, :, None] + np.swapaxes(params.memory @ params.memory_kernel, 0, 1))
        scores = hidden @ params.score_kernel
    weights = np.exp(scores) * (np.arange(S) < np.asarray(LENGTHS)[:, None])
    weights /= weights.sum(axis=-1, keepdims=True)
    # float32: some ten roundings of 6e-8 each.
    np.testing.assert_allclose(told["attention/weights"], weights[:, 0], rtol=1e-5, atol=1e-6)
    places = np.exp(-np.sum(weights * np.log(np.where(weights > 0, weights, 1)), axis=-1))
    np.testing.assert_allclose(told["attention/places"], places.mean(), rtol=1e-5)


def test_it_looks_at_all_alike_or_at_one():
    """Without a query all places have one score; a source of one step is looked at alone."""
    _, told = measured("dot", scale=0.0)
    np.testing.assert_allclose(told["attention/weights"], np.full((T, S), 0.25), rtol=1e-6)
    np.testing.assert_allclose(told["attention/places"], (4 + 2 + 1) / 3, rtol=1e-6)


def test_past_the_last_step_there_is_nothing_and_nan_is_told():
    _, told = measured("dot", steps=jnp.array([3, 5, 1]))
    assert np.isfinite(told["attention/weights"][:3]).all()
    assert np.isnan(told["attention/weights"][3:]).all()
    assert np.isfinite(told["attention/places"])
    _, told = measured("dot", scale=np.nan)
    assert np.isnan(told["attention/places"])


def test_a_part_that_does_not_attend_has_no_tags():
    cell = rnnx.rnn(H)
    flow = rnnx.gradient_flow(cell, cell.init(jax.random.key(0), I), jnp.ones((T, B, I)), lambda ys: ys[-1].sum())
    assert attention(flow) == {}
