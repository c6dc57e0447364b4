"""Attention against the same written out in NumPy, and what an example must not see of its neighbours' padding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.combinators.attention import attended
from tests.variants import assert_close, slow_unless

S, T, B, I, H, M = 5, 4, 3, 2, 3, 4
LENGTHS = np.array([5, 2, 3])
every_score = pytest.mark.parametrize("score", ["dot", "additive"])


def given(score):
    cell = rnnx.attention(rnnx.gru(H), M, score=score)
    params = jax.jit(lambda: jax.tree.map(lambda p: p.astype(float), cell.init(jax.random.key(0), I)))()
    xs, memory = (jnp.asarray(np.random.default_rng(n).standard_normal(s)) for n, s in ((1, (T, B, I)), (2, (S, B, M))))
    return cell, params, xs, memory


@every_score
def test_it_is_the_formula_written_out(float64, score):
    cell, params, xs, memory = given(score)
    inner = rnnx.gru(H)

    @jax.jit
    def run(params, memory, xs):
        return rnnx.unroll(cell, attended(params, memory, lengths=LENGTHS), xs).outputs

    step = jax.jit(inner.step)
    found, memory, xs = run(params, memory, xs), np.asarray(memory), np.asarray(xs)
    params = jax.device_get(params)
    for b, length in enumerate(LENGTHS):
        m = memory[:length, b]
        state = inner.initial_state(params.cell, ())
        for t in range(T):
            q = np.asarray(state.h) @ params.query_kernel
            e = m @ q if score == "dot" else np.tanh(q + m @ params.memory_kernel) @ params.score_kernel
            alpha = np.exp(e) / np.exp(e).sum()
            state = step(params.cell, state, np.concatenate([xs[t, b], alpha @ m]))
            np.testing.assert_allclose(found[t, b], state.h, rtol=1e-13, atol=1e-14)  # some ten roundings a step


@pytest.mark.parametrize("score", slow_unless(lambda score: score == "dot", ["dot", "additive"]))
def test_padding_has_no_weight_at_all(float64, score):
    """Neither value nor gradient knows what stands there."""
    cell, params, xs, memory = given(score)

    def loss(params, memory):
        return jnp.sum(rnnx.unroll(cell, attended(params, memory, lengths=LENGTHS), xs).outputs ** 2)

    grad = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    padding = (jnp.arange(S)[:, None] >= LENGTHS)[..., None]
    value, (d_params, d_memory) = grad(params, memory)
    other, (d_other, _) = grad(params, jnp.where(padding, 1e3, memory))
    assert_close((value, d_params), (other, d_other), rtol=0, atol=0)
    assert not np.any(np.where(padding, d_memory, 0))
    assert np.all(np.any(np.where(padding, 1, d_memory) != 0, axis=-1))


def test_it_is_refused_without_a_memory_and_of_a_cell_that_can_not_be_stepped():
    cell = rnnx.attention(rnnx.gru(H), M)
    with pytest.raises(ValueError, match="nothing to look at"):
        rnnx.unroll(cell, cell.init(jax.random.key(0), I), jnp.zeros((T, B, I)))
    with pytest.raises(ValueError, match="attention needs a cell that can be stepped"):
        rnnx.attention(rnnx.bidirectional(rnnx.gru(2), rnnx.gru(2)), M)
    with pytest.raises(ValueError, match="the output of this one depends on its input too"):
        rnnx.attention(rnnx.lru(2), M).init(jax.random.key(0), I)
    with pytest.raises(ValueError, match=r"^no score named 'dto'; did you mean 'dot'\?"):
        rnnx.attention(rnnx.gru(2), M, score="dto")
