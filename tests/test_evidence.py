import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from tests.examples import B, I, T, assert_close, example


def test_it_holds_what_gradient_flow_gives(float64):
    cell, params, _, xs = example("lstm")
    lengths = jnp.array([5, 3, 0, 4])

    def loss(ys):
        return jnp.sum(ys**2)

    @jax.jit
    def run(params, xs):
        found = rnnx.evidence(cell, params, xs, loss, lengths=lengths)
        assert found.cell is cell
        return found[1:], rnnx.gradient_flow(cell, params, xs, loss, lengths=lengths)

    (found_params, inputs, _, flow, found_lengths), expected = run(params, xs)
    assert_close((found_params, inputs), (params, xs), rtol=0, atol=0)
    assert_close(flow, expected)
    assert found_lengths.tolist() == lengths.tolist()


@pytest.mark.parametrize(
    ("given", "last"),
    [
        ({}, [T - 1] * B),
        ({"lengths": jnp.array([5, 3, 0, 9])}, [4, 2, -1, 4]),  # a length above T counts as T
        ({"lengths": np.array([5, 3, 0, 9])}, [4, 2, -1, 4]),
        ({"last": jnp.array([1, 2, 3, 4])}, [1, 2, 3, 4]),
        ({"last": [1, 0, 0, 4], "lengths": [2, 1, 1, 5]}, [1, 0, 0, 4]),
    ],
)
def test_lags_are_counted_from_the_last_scored_step(given, last):
    cell, params, _, xs = example("rnn")

    @jax.jit
    def run(params, xs):
        found = rnnx.evidence(cell, params, xs, jnp.sum, **given)
        return found.last, rnnx.diagnostics.get("input_gradient")(found)["input_gradient/log10_norm"]

    found, curve = run(params, xs)
    assert found.tolist() == last
    assert jnp.issubdtype(found.dtype, jnp.integer)
    lags_there_are = max(last) + 1
    assert jnp.isfinite(curve[:lags_there_are]).all()
    assert jnp.isnan(curve[lags_there_are:]).all()


@pytest.mark.parametrize("shape", [(), (I,), (T, I), (T, 2, 2, I)])
def test_inputs_must_have_one_batch_axis(shape):
    cell, params, _, _ = example("rnn")
    with pytest.raises(ValueError, match=r"^xs must be \[T, B, I\], not \[.*\]\.$"):
        rnnx.evidence(cell, params, jnp.zeros(shape), jnp.sum)
