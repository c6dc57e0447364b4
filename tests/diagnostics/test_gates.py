import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.gates import gates
from tests.reference import sigmoid
from tests.variants import VARIANTS, B, H, T, example, example_of, slow_unless


@functools.cache
def measuring(cell):
    return jax.jit(lambda params, xs, lengths: gates(rnnx.gradient_flow(cell, params, xs, jnp.sum, lengths=lengths)))


@pytest.mark.parametrize(
    "variant", slow_unless(lambda name: name != "gru_reset_before", ["lstm", "gru", "gru_reset_before"])
)
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
    xs, h_tm1 = np.asarray(xs), np.asarray(h_tm1)
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
    assert jax.eval_shape(lambda p: gates(rnnx.gradient_flow(cell, p, xs, jnp.sum)), params) == {}


KEEPING = {"lstm": "forget", "gru": "update", "minlstm": "forget", "mingru": "update"}


@pytest.mark.parametrize("variant", KEEPING)
def test_time_scale_and_retention_of_the_gate_that_keeps_the_old_state(float64, variant):
    """τ = -1 / (mean of ln f) of each unit in each example; the mean of ln Π f over the last k steps over both."""
    cell, params, _, xs = example(variant)
    lengths = np.array([5, 3, 0, 1])

    @jax.jit
    def measure(params, xs):
        flow = rnnx.gradient_flow(cell, params, xs, jnp.sum, lengths=jnp.asarray(lengths))
        return gates(flow), cell.gates(params, flow.before, xs)[KEEPING[variant]]

    measured, f = jax.device_get(measure(params, xs))
    tag = f"gates/{KEEPING[variant]}"
    of_examples = [np.log(f[:n, b]) for b, n in enumerate(lengths)]
    scales = np.concatenate([np.log10(-1 / logs.mean(axis=0)) for logs in of_examples if len(logs)])
    counts, edges = np.histogram(scales, bins=48, range=(-1, 5))
    np.testing.assert_array_equal(measured[f"{tag}/time_scale"].counts, counts)
    np.testing.assert_allclose(measured[f"{tag}/time_scale"].edges, edges, atol=1e-15)  # one rounding
    for k in range(T):
        kept = [logs[len(logs) - k :].sum(axis=0).mean() / np.log(10) for logs in of_examples if len(logs) > k]
        if kept:  # sums of at most 5 numbers of order 1
            np.testing.assert_allclose(measured[f"{tag}/retention"][k], np.mean(kept), rtol=0, atol=1e-14)
        else:
            assert np.isnan(measured[f"{tag}/retention"][k])
    others = {tag for tag in measured if tag.endswith(("time_scale", "retention"))}
    assert others == {f"{tag}/time_scale", f"{tag}/retention"}


@pytest.mark.parametrize("bias", slow_unless(lambda bias: bias in (-2.0, 12.0), [-2.0, 0.0, 3.0, 12.0]))
def test_a_gate_that_stays_where_it_is_forgets_at_its_own_rate(float64, bias):
    """f = σ(b): Π f = σ(b)^k, τ = -1 / ln σ(b)."""
    cell, params, _, xs = example("lstm")
    params = params._replace(
        bias=params.bias.at[H : 2 * H].set(bias),
        recurrent_kernel=jnp.zeros((H, 4 * H)),
        input_kernel=jnp.zeros((2, 4 * H)),
    )
    measured = measuring(cell)(params, xs, jnp.full(B, T))
    decay = -np.log1p(np.exp(-bias))
    # f near 1 is rounded at 1e-16, which is then the error of its logarithm, four times over.
    np.testing.assert_allclose(measured["gates/forget/retention"], np.arange(T) * decay / np.log(10), atol=1e-15)
    counts, edges = measured["gates/forget/time_scale"]
    bin_ = np.searchsorted(edges, np.log10(-1 / decay)) - 1
    assert int(counts[bin_]) == int(counts.sum()) == B * H


def test_a_gate_that_is_exactly_open_or_shut():
    """In float32 σ(100) = 1, which keeps for ever, and σ(-200) = 0, which keeps nothing: τ is infinite, and 0."""
    cell, params, _, xs = example("lstm")
    for bias, bin_, kept in ((100.0, -1, 0.0), (-200.0, 0, -np.inf)):
        open_ = params._replace(bias=params.bias.at[H : 2 * H].set(bias))
        measured = measuring(cell)(open_, 0 * xs, jnp.full(B, T))
        counts = measured["gates/forget/time_scale"].counts
        assert counts[bin_] == counts.sum() == B * H
        np.testing.assert_array_equal(measured["gates/forget/retention"], [0.0] + [kept] * (T - 1))


@pytest.mark.slow
def test_the_gates_of_layers_are_told_apart(float64):
    """The name of the layer stands before that of the gate."""
    cell, params, _, xs = example_of(rnnx.stack(rnnx.lstm(H), rnnx.gru(2)))
    measured = measuring(cell)(params, xs, jnp.full(B, T))
    kept = {tag.removesuffix("/retention") for tag in measured if tag.endswith("retention")}
    assert kept == {"gates/layers.0.forget", "gates/layers.1.update"}
