"""What is special to the GRU: its two conventions."""

import jax
import jax.numpy as jnp
import pytest

import rnnx
from tests.reference import sigmoid
from tests.variants import VARIANTS, H, I, assert_close, example

both = pytest.mark.parametrize("variant", ["gru", "gru_reset_before"])


@both
def test_gates_are_those_of_the_equations(float64, variant):
    cell, params, state, xs = example(variant)
    p = VARIANTS[variant].numpy().unpack(params)
    gates = cell.gates(params, state, xs[0])
    assert set(gates) == {"reset", "update"}
    for name, k in {"reset": "r", "update": "z"}.items():
        assert_close(gates[name], sigmoid(xs[0] @ p[f"W_{k}"] + state.h @ p[f"U_{k}"] + p[f"b_{k}"]))


@both
def test_the_update_gate_keeps_the_old_state_where_it_is_one(float64, variant):
    """As in PyTorch; in Cho et al. 2014 z and 1 - z are exchanged."""
    cell, params, state, xs = example(variant)
    params = params._replace(bias=params.bias.at[H : 2 * H].set(1e3))
    assert_close(cell.step(params, state, xs[0]), state, rtol=0, atol=0)  # σ(1000) is 1 to the last digit


def test_the_two_conventions_differ(float64):
    """With the same weights: r ⊙ (h U_n) is not (r ⊙ h) U_n."""
    _, params, state, xs = example("gru")
    params = params._replace(recurrent_bias=jnp.zeros(H))
    after = rnnx.gru(H, reset_after=True).step(params, state, xs[0]).h
    before = rnnx.gru(H, reset_after=False).step(params, state, xs[0]).h
    assert jnp.max(jnp.abs(after - before)) > 0.01


def test_only_reset_after_has_a_recurrent_bias_and_a_dense_form():
    after, before = rnnx.gru(H), rnnx.gru(H, reset_after=False)
    assert after.init(jax.random.key(0), I).recurrent_bias.shape == (H,)
    assert before.init(jax.random.key(0), I).recurrent_bias is None
    assert after.form is not None
    assert before.form is None
