import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.recursion import recursion
from rnnx.types import Composed
from tests.variants import STEPPED, B, T, example, make, of_two_parts

LENGTHS = (5, 3, 1, 4)


@functools.cache
def collecting(cell):
    """Of a loss with a direct part at every step."""

    def collect(params, xs, lengths):
        return rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2), lengths=lengths)

    return jax.jit(collect)


compiled = jax.jit(lambda flow: recursion(flow)["recursion/residual"])


@pytest.mark.parametrize("variant", of_two_parts(STEPPED))
def test_the_gradient_of_every_cell_obeys_it(float64, variant):
    cell, params, _, xs = example(variant)
    residual = compiled(collecting(cell)(params, xs, jnp.array(LENGTHS)))
    assert residual < 1e-14  # some ten roundings of 1.1e-16, relative to the largest term


def test_padding_may_hold_anything(float64):
    cell, params, _, xs = example("lstm")
    padding = np.arange(T)[:, None] >= np.array(LENGTHS)
    residual = compiled(collecting(cell)(params, jnp.where(padding[..., None], jnp.nan, xs), jnp.array(LENGTHS)))
    assert residual < 1e-14


@pytest.mark.parametrize("variant", of_two_parts(name for name in STEPPED if not isinstance(make(name).form, Composed)))
def test_one_wrong_gradient_is_seen(float64, variant):
    """By as much as it is wrong: here 1 % of the gradient at one step of one example."""
    cell, params, _, xs = example(variant)
    flow = collecting(cell)(params, xs, jnp.full(B, T))
    wrong = jax.tree.map(lambda g: g.at[2, 1].multiply(1.01), flow.state_gradients)
    residual = compiled(dataclasses.replace(flow, state_gradients=wrong))
    assert 0.001 < residual < 0.1
