"""What is special to the minimal LSTM: its normalised gates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.cells.minlstm import MinLSTMParams
from tests.reference import sigmoid
from tests.variants import VARIANTS, H, I, assert_close, example


def test_gates_are_those_of_the_equations_and_do_not_see_the_state(float64):
    cell, params, state, xs = example("minlstm")
    p = VARIANTS["minlstm"].numpy().unpack(params)
    i, f = (sigmoid(xs[0] @ p[f"W_{k}"] + p[f"b_{k}"]) for k in "if")
    gates = cell.gates(params, state, xs[0])
    assert_close(gates, {"input": jnp.asarray(i / (i + f)), "forget": jnp.asarray(f / (i + f))})
    assert_close(cell.gates(params, jax.tree.map(jnp.zeros_like, state), xs[0]), gates, rtol=0, atol=0)


@pytest.mark.parametrize("scale", [1, 100, 1e4])
def test_gates_add_up_to_one(scale):
    cell, params, state, xs = example("minlstm")
    gates = cell.gates(params, state, scale * xs)
    # Each is rounded to 6e-8 of itself, as is their sum; σ(a) and σ(-a) are computed apart.
    np.testing.assert_allclose(gates["input"] + gates["forget"], 1, rtol=2e-7)


def test_extreme_gates_give_finite_values_and_gradients():
    """Where both gates underflow, their ratio is that of exponentials: f / i = exp(f's argument - i's argument)."""
    i = np.array([-1e4, -9999, -1e4, 1e4, 1e4, -1e4])
    f = np.array([-1e4, -1e4, -9999, 1e4, -1e4, 1e4])
    cell = rnnx.minlstm(len(i))
    params = MinLSTMParams(
        input_kernel=jnp.asarray(np.concatenate([i, f, np.full(6, 2)])[None], jnp.float32), bias=jnp.zeros(18)
    )
    forget = cell.gates(params, None, jnp.ones(1))["forget"]
    ratio = np.minimum(f, 0) - np.minimum(i, 0)  # log σ(a) is a far below zero and 0 far above it
    # 1e4 is known to 2^-10 at best in single precision, and so is the difference.
    np.testing.assert_allclose(forget, sigmoid(np.clip(ratio, -500, 500)), atol=1e-3)

    def loss(params, xs):
        outputs = rnnx.unroll(cell, params, xs, engine="associative").outputs
        return jnp.sum(outputs), outputs

    gradients, outputs = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))(params, jnp.ones((3, 1)))
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((outputs, gradients)))


@pytest.mark.parametrize("forget_bias", [0, 1.0, np.float64(2.5), -1])
def test_the_forget_bias_is_the_bias_of_the_forget_gate_alone(forget_bias):
    """Second of the blocks i, f, g; at rest the state decays by σ(b_f) / (σ(b_f) + ½)."""
    cell = rnnx.minlstm(H, forget_bias=forget_bias)
    params = cell.init(jax.random.key(0), I)
    assert params.bias.tolist() == [0.0] * H + [forget_bias] * H + [0.0] * H
    f = sigmoid(float(forget_bias))
    at_rest = cell.gates(params, None, jnp.zeros(I))["forget"]
    np.testing.assert_allclose(at_rest, f / (f + 0.5), rtol=1e-6)  # float32 rounds at 6e-8


def test_chrono_initialisation_gives_each_unit_its_time_scale():
    """b_i = -b_f makes the normalised forget gate σ(b_f) = u / (u + 1), with u uniform on [1, T_max - 1]."""
    cell = rnnx.minlstm(200, bias_initializer="chrono(50)")
    params = cell.init(jax.random.key(0), I)
    kept = cell.gates(params, None, jnp.zeros(I))["forget"]
    u = kept / (1 - kept)
    np.testing.assert_allclose(u, jnp.exp(params.bias[200:400]), rtol=1e-4)  # 1 - f' has lost 50 of 2^24
    assert 1 <= u.min() < 3
    assert 45 < u.max() <= 49.01


@pytest.mark.parametrize("forget_bias", [float("nan"), float("inf"), "1", None, True])
def test_a_bad_forget_bias_is_refused_in_one_line(forget_bias):
    with pytest.raises(ValueError, match=rf"^forget_bias must be a finite number, not {forget_bias!r}\.$"):
        rnnx.minlstm(H, forget_bias=forget_bias)
