"""What is special to the LSTM."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.cells.lstm import LSTMState
from tests.reference import sigmoid
from tests.variants import VARIANTS, H, I, T, assert_close, example


@pytest.mark.parametrize("forget_bias", [0, 1.0, np.float64(2.5), -1])
def test_the_forget_bias_is_the_bias_of_the_forget_gate_alone(forget_bias):
    """Second of the blocks i, f, g, o."""
    bias = rnnx.lstm(H, forget_bias=forget_bias).init(jax.random.key(0), I).bias
    assert bias.tolist() == [0.0] * H + [forget_bias] * H + [0.0] * 2 * H


@pytest.mark.parametrize("forget_bias", [float("nan"), float("inf"), "1", None, True])
def test_a_bad_forget_bias_is_refused_in_one_line(forget_bias):
    with pytest.raises(ValueError, match=rf"^forget_bias must be a finite number, not {forget_bias!r}\.$"):
        rnnx.lstm(H, forget_bias=forget_bias)


def test_gates_are_those_of_the_equations(float64):
    cell, params, state, xs = example("lstm")
    p = VARIANTS["lstm"].numpy().unpack(params)
    gates = cell.gates(params, state, xs[0])
    assert set(gates) == {"input", "forget", "output"}
    for name, k in {"input": "i", "forget": "f", "output": "o"}.items():
        assert_close(gates[name], sigmoid(xs[0] @ p[f"W_{k}"] + state.h @ p[f"U_{k}"] + p[f"b_{k}"]))


@pytest.mark.parametrize("forget_bias", [0.0, 1.0, 3.0])
def test_the_mean_forget_gate_starts_at_the_sigmoid_of_its_bias(forget_bias):
    """Exactly so at rest; for small inputs nearly."""
    cell = rnnx.lstm(H, forget_bias=forget_bias)
    params = cell.init(jax.random.key(0), I)
    at_rest = cell.gates(params, cell.initial_state(params, (T,)), jnp.zeros((T, I)))["forget"]
    np.testing.assert_allclose(jnp.mean(at_rest), sigmoid(forget_bias), rtol=1e-6)  # float32 rounds at 6e-8


def test_an_open_forget_gate_and_a_closed_input_gate_keep_the_cell_state(float64):
    cell, params, state, xs = example("lstm")
    params = params._replace(bias=jnp.repeat(jnp.array([-1e3, 1e3, 0.0, 0.0]), H))
    kept = cell.step(params, state, xs[0])
    assert_close(kept.c, state.c, rtol=0, atol=0)  # σ(±1000) is 0 or 1 to the last digit
    assert not jnp.allclose(kept.h, state.h)


def test_the_output_reads_h_and_not_c():
    cell = rnnx.lstm(H)
    params = cell.init(jax.random.key(0), I)
    state = LSTMState(h=jnp.ones(H), c=2 * jnp.ones(H))
    assert cell.read(params, state, jnp.zeros(I)).tolist() == [1.0] * H
