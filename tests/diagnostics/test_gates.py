import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.gates import gates
from tests.examples import VARIANTS, B, H, T, example
from tests.reference import sigmoid


@functools.cache
def measuring(cell):
    return jax.jit(lambda params, xs, lengths: gates(rnnx.evidence(cell, params, xs, jnp.sum, lengths=lengths)))


@pytest.mark.parametrize("variant", ["lstm", "gru", "gru_reset_before"])
def test_the_mean_is_over_steps_examples_and_units_with_the_state_before_each_step(float64, variant):
    """g_t = σ(x_t W + h_{t-1} U + b): the state is that of the step before."""
    cell, params, _, xs = example(variant)
    lengths = np.array([5, 3, 0, 1])
    measured = measuring(cell)(params, xs, jnp.asarray(lengths))
    p = VARIANTS[variant].numpy().unpack(params)
    zero = {part: np.zeros((B, H)) for part in cell.initial_state(params, (B,))._fields}
    h = VARIANTS[variant].numpy().forward(p, np.asarray(xs), zero)["h"]
    h_tm1 = np.concatenate([zero["h"][None], h[:-1]])
    blocks = {"input": "i", "forget": "f", "output": "o"} if variant == "lstm" else {"reset": "r", "update": "z"}
    assert {tag.split("/")[1] for tag in measured} == set(blocks)
    for name, k in blocks.items():
        gate = sigmoid(xs @ p[f"W_{k}"] + h_tm1 @ p[f"U_{k}"] + p[f"b_{k}"])
        there = np.arange(T)[:, None] < lengths
        seen = gate[there]
        np.testing.assert_allclose(measured[f"gates/{name}/mean"], seen.mean(), rtol=1e-12)  # rounding of 27 terms
        np.testing.assert_allclose(measured[f"gates/{name}/left_saturated"], (seen < 0.1).mean(), rtol=1e-12)
        np.testing.assert_allclose(measured[f"gates/{name}/right_saturated"], (seen > 0.9).mean(), rtol=1e-12)
        counts, _ = np.histogram(seen, bins=40, range=(0, 1))
        np.testing.assert_array_equal(measured[f"gates/{name}/histogram"].counts, counts)


@pytest.mark.parametrize(("bias", "left", "right"), [(-3.0, 1, 0), (0.0, 0, 0), (3.0, 0, 1)])
def test_saturation(bias, left, right):
    """σ(±3) = 0.95, 0.05."""
    cell, params, _, xs = example("lstm")
    params = params._replace(bias=params.bias.at[:].set(0.0).at[H : 2 * H].set(bias))
    measured = measuring(cell)(params, jnp.zeros_like(xs), jnp.full(B, T))
    assert (measured["gates/forget/left_saturated"], measured["gates/forget/right_saturated"]) == (left, right)
    np.testing.assert_allclose(measured["gates/forget/mean"], sigmoid(bias), rtol=1e-6)  # float32 rounds at 6e-8


@pytest.mark.parametrize("variant", ["rnn", "rnn_relu"])
def test_a_cell_without_gates_has_nothing_to_measure(variant):
    cell, params, _, xs = example(variant)
    assert gates(rnnx.evidence(cell, params, xs, jnp.sum)) == {}
