"""A cell that looks back at a memory, whose flow is told of by the diagnostic of attention."""

import functools

import jax
import jax.numpy as jnp

import rnnx
from rnnx.combinators.attention import attended
from tests.variants import B, H, I, T


@functools.cache
def flow():
    """Traced only: shapes are all that is needed of it."""
    cell = rnnx.attention(rnnx.rnn(H), 2)
    params = attended(cell.init(jax.random.key(0), I), jnp.ones((3, B, 2)))
    of = functools.partial(rnnx.gradient_flow, cell, loss=lambda ys: ys[-1].sum())
    return jax.eval_shape(of, params, jnp.ones((T, B, I)))
