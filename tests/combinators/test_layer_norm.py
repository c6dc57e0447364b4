"""Against the equations written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.combinators.layer_norm import _normalised
from rnnx.types import Dense
from tests.reference import sigmoid
from tests.variants import B, H, I, T, assert_close, example_of, run, weights


def normalised(v):
    return (v - v.mean(axis=-1, keepdims=True)) / np.sqrt(v.var(axis=-1, keepdims=True) + 1e-5)


def gates(p, x, h):
    """LN(x W) ⊙ α_x + b, and LN(h U) ⊙ α_h."""
    W, U, b = p.cell.input_kernel, p.cell.recurrent_kernel, p.cell.bias
    return normalised(x @ W) * p.input_gain + b, normalised(h @ U) * p.recurrent_gain


def rnn(p, x, h):
    gx, gh = gates(p, x, h)
    return {"h": np.tanh(gx + gh)}


def lstm(p, x, h, c):
    gx, gh = gates(p, x, h)
    i, f, g, o = np.split(gx + gh, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return {"h": sigmoid(o) * np.tanh(c), "c": c}


def gru(p, x, h):
    (x_r, x_z, x_n), (h_r, h_z, h_n) = (np.split(a, 3, axis=-1) for a in gates(p, x, h))
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    n = np.tanh(x_n + r * (h_n + p.cell.recurrent_bias))
    return {"h": (1 - z) * n + z * h}


STEPS = {"rnn": rnn, "lstm": lstm, "gru": gru}


def loss_of_numpy(name, p, state, xs, w):
    state, total = state._asdict(), 0.0
    for x, w_t in zip(xs, w.outputs, strict=True):
        state = STEPS[name](p, x, **state)
        total += np.sum(w_t * state["h"])
    return state, total + sum(np.sum(getattr(w.final, part) * value) for part, value in state.items())


@pytest.mark.parametrize("name", STEPS)
def test_equals_numpy(float64, name):
    """Final state, and the derivative of the loss in a random direction of everything it depends on."""
    ex = example_of(rnnx.layer_norm(rnnx.cells.get(name)(H)))
    w = weights(ex)
    found = run(ex, w, lengths=jnp.full(B, T), resets=jnp.zeros((T, B), bool))
    at, w = jax.tree.map(np.asarray, (ex.params, ex.state, ex.xs)), jax.tree.map(np.asarray, w)
    state, _ = loss_of_numpy(name, *at, w)
    assert_close(found.trajectory.final_state._asdict(), state)

    rng = np.random.default_rng(3)
    for _ in range(3):
        v = jax.tree.map(lambda a: rng.standard_normal(a.shape), at)
        step = 1e-6
        ahead, behind = (
            loss_of_numpy(name, *jax.tree.map(lambda a, d, e=e: a + e * d, at, v), w)[1] for e in (step, -step)
        )
        gradients = (found.params, found.state, found.xs)
        slope = sum(np.vdot(g, d) for g, d in zip(*map(jax.tree.leaves, (gradients, v)), strict=True))
        # Off by step² = 1e-12 times a third derivative up to 1e5, and by rounding / step = 1e-9.
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-6)


def test_the_bias_stays_outside(float64):
    """At x = 0 and h = 0 the gates are the cell's own: what a forget bias is for."""
    cell = rnnx.lstm(H, forget_bias=2.0)
    normed = rnnx.layer_norm(cell)
    params = normed.init(jax.random.key(0), I)
    state = normed.initial_state(params, (B,))._replace(c=jnp.ones((B, H)))
    after = normed.step(params, state, jnp.zeros((B, I)))
    assert_close(after, cell.step(params.cell, state, jnp.zeros((B, I))))
    np.testing.assert_allclose(after.c, sigmoid(2.0), rtol=1e-12)


def test_the_form_is_kept():
    """So that the engine which runs the cell fastest still does."""
    cell = rnnx.layer_norm(rnnx.layer_norm(rnnx.lstm(H)))
    assert isinstance(cell.form, Dense)


def test_a_large_mean_does_not_cancel():
    """In float32 the mean of v² and the square of the mean of v are both 1e8 here, and their difference is noise."""
    v = 1e4 + np.random.default_rng(0).standard_normal((B, 64)).astype("float32")
    # The entries themselves are rounded at 5e-4, but both sides are given the same ones; their mean, at 1e-3 of σ.
    np.testing.assert_allclose(_normalised(jnp.asarray(v)), normalised(v.astype("float64")), rtol=0, atol=5e-3)


@pytest.mark.parametrize(
    ("cell", "what"),
    [(rnnx.gru(H, reset_after=False), "no form"), (rnnx.stack(rnnx.lstm(H)), "the form Composed")],
    ids=["no form", "Composed"],
)
def test_a_cell_of_another_form_is_refused_in_one_line(cell, what):
    message = rf"^layer_norm needs a cell of form Dense, such as lstm, and this one has {what}\.$"
    with pytest.raises(ValueError, match=message):
        rnnx.layer_norm(cell)
