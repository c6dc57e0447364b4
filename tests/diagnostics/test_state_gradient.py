import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.state_gradient import state_gradient
from tests.variants import assert_close, example

T, B, I, H = 30, 3, 2, 4


LINEAR = rnnx.rnn(H, activation="identity")


def scaled_orthogonal(rho):
    params = LINEAR.init(jax.random.key(0), I)
    return params._replace(recurrent_kernel=rho * params.recurrent_kernel)


@jax.jit
def of_last_outputs(params, xs, lengths):
    def loss(ys):
        return jnp.sum(ys[lengths - 1, jnp.arange(B)])

    return state_gradient(rnnx.gradient_flow(LINEAR, params, xs, loss, lengths=lengths))


LSTM = rnnx.lstm(H)


@jax.jit
def of_last_lstm_output(params, xs):
    return state_gradient(rnnx.gradient_flow(LSTM, params, xs, lambda ys: jnp.sum(ys[-1])))


@pytest.mark.parametrize(("rho", "horizon"), [(0.9, 9), (1.0, T - 1), (1.1, T - 1)])
@pytest.mark.parametrize(
    "lengths",
    [pytest.param([T, T, T], marks=pytest.mark.slow, id="same length"), pytest.param([T, 17, 23], id="other lengths")],
)
def test_a_linear_cell_has_the_decay_rate_ln_rho(float64, rho, horizon, lengths):
    """‖δ_{T-k}‖ = ρ^k ‖δ_T‖. The lag counts from each example's own last step, so at every lag all examples agree."""
    xs = jax.random.normal(jax.random.key(1), (T, B, I))
    measured = of_last_outputs(scaled_orthogonal(rho), xs, jnp.array(lengths))
    expected = np.arange(T) * np.log10(rho) + np.log10(np.sqrt(H))
    for part in ("state", "h"):
        for tag in ("log10_norm", "log10_norm_q25", "log10_norm_q75"):
            # Rounding of up to thirty products, each at 1e-16.
            np.testing.assert_allclose(measured[f"state_gradient/{part}/{tag}"], expected, rtol=0, atol=1e-13)
        np.testing.assert_allclose(measured[f"state_gradient/{part}/decay_rate"], np.log(rho), rtol=0, atol=1e-13)
        assert measured[f"state_gradient/{part}/horizon"] == horizon
        assert measured[f"state_gradient/{part}/reach"] == T - 1  # 0.9^29 is 4.7 %
        assert measured[f"state_gradient/{part}/exploding"] == int(rho > 1)  # 1.1^29 and 1.1^16 are above e


@pytest.mark.parametrize("forget_bias", [*(pytest.param(b, marks=pytest.mark.slow) for b in (0.0, 1.0)), 3.0])
def test_the_cell_state_of_an_lstm_decays_by_its_forget_gate(float64, forget_bias):
    """Without recurrent weights and inputs, ‖δc_{T-k}‖ ∝ σ(b_f)^k from lag 1 on; h leads nowhere but to y_T; and the
    norm of the whole state is that of both parts."""
    params = LSTM.init(jax.random.key(0), I)._replace(recurrent_kernel=jnp.zeros((H, 4 * H)))
    params = params._replace(bias=params.bias.at[H : 2 * H].set(forget_bias))
    measured = of_last_lstm_output(params, jnp.zeros((T, B, I)))
    decay = -np.log1p(np.exp(-forget_bias))
    c, h, whole = (measured[f"state_gradient/{part}/log10_norm"] for part in ("c", "h", "state"))
    assert np.isneginf(c[0])
    assert np.isneginf(h[1:]).all()
    assert whole[0] == h[0]
    assert_close(whole[1:], c[1:])
    np.testing.assert_allclose(measured["state_gradient/c/decay_rate"], decay, rtol=1e-12)  # rounding of 30 products
    assert measured["state_gradient/c/horizon"] == 1 + int(-1 / decay)
    assert measured["state_gradient/c/reach"] == min(1 + int(np.log(0.01) / decay), T - 1)
    assert np.isnan(measured["state_gradient/h/decay_rate"])  # one lag has no slope
    assert measured["state_gradient/h/horizon"] == 0


def test_quartiles_are_over_the_examples(float64):
    """Five examples whose losses weigh 1, 10, … 10⁴: quartile, median and quartile are the 2nd, 3rd and 4th."""
    cell, params, _, xs = example("gru", batch_shape=(1,))
    weights = jnp.array([1e3, 1e0, 1e4, 1e1, 1e2])[:, None]
    xs = jnp.repeat(xs, 5, axis=1)

    @jax.jit
    def measure(params, xs):
        return state_gradient(rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(weights * ys[-1])))

    measured = measure(params, xs)
    low, middle, high = (measured[f"state_gradient/h/log10_norm{q}"] for q in ("_q25", "", "_q75"))
    assert_close((low + 1, high - 1), (middle, middle))
    np.testing.assert_array_equal(measured["state_gradient/h/histogram"].counts.sum(), 5 * len(xs))


def test_a_gradient_that_underflows_is_minus_infinity_and_not_small():
    """In float32 (a quarter)^k is exactly zero from k = 75 on: the curve says so, the slope is of what came before."""
    measured = of_last_outputs(scaled_orthogonal(0.25), jnp.zeros((100, B, I)), jnp.full(B, 100))
    curve = measured["state_gradient/h/log10_norm"]
    assert np.isfinite(curve[:60]).all()
    assert np.isneginf(curve[80:]).all()
    # Near the smallest float32 the numbers have fewer digits: a few points of about seventy are off by some per cent.
    np.testing.assert_allclose(measured["state_gradient/h/decay_rate"], np.log(0.25), rtol=1e-2)
    assert measured["state_gradient/h/histogram"].counts.sum() == 100 * B


@pytest.mark.parametrize(("handed_over", "told"), [(False, 1.0), (True, 0.0)])
def test_a_part_that_runs_backward_says_whether_the_loss_reads_its_last_step(float64, handed_over, told):
    """The last time is its first step: without a hand-over all of the gradient is at the largest lag."""
    cell, params, _, xs = example("rnn")

    def loss(params, run):
        trajectory = run("backward", cell, params, xs, reverse=True)
        return trajectory.outputs[-1].sum() + (trajectory.final_state.h.sum() if handed_over else 0.0)

    @jax.jit
    def measure(params):
        return state_gradient(rnnx.gradient_flows(loss, params)[2]["backward"])

    measured = measure(params)
    assert measured["state_gradient/against_time"] == told
    seen = np.isfinite(measured["state_gradient/state/log10_norm"])
    assert seen.tolist() == [handed_over] * (len(xs) - 1) + [True]


def test_of_the_first_example_every_step_is_told_in_the_order_of_the_data(float64):
    """ρ^k at the k-th step before the last, NaN past its length; run in reverse, from the other end."""
    params, xs = scaled_orthogonal(0.9), jax.random.normal(jax.random.key(1), (T, B, I))
    measured = of_last_outputs(params, xs, jnp.array([17, T, 23]))["state_gradient/on_data"]
    expected = np.arange(16, -1, -1) * np.log10(0.9) + np.log10(np.sqrt(H))
    np.testing.assert_allclose(measured[:17], expected, rtol=0, atol=1e-13)  # rounding of seventeen products
    assert np.isnan(measured[17:]).all()

    @jax.jit
    def reversed_in_time(params, xs, lengths):
        def loss(params, run):
            return jnp.sum(run("cell", LINEAR, params, xs, lengths=lengths, reverse=True).final_state.h)

        (flow,) = rnnx.gradient_flows(loss, params)[2].values()
        return state_gradient(flow)["state_gradient/on_data"]

    measured = reversed_in_time(params, xs, jnp.array([17, T, 23]))
    np.testing.assert_allclose(measured[:17], expected[::-1], rtol=0, atol=1e-13)
    assert np.isnan(measured[17:]).all()


def test_the_first_example_is_told_as_if_there_were_no_other(float64):
    cell, params, _, xs = example("gru", batch_shape=(3,))

    @jax.jit
    def measure(params, xs):
        return state_gradient(rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys[-1])))[
            "state_gradient/on_data"
        ]

    alone = measure(params, xs[:, :1])
    assert_close(measure(params, xs), alone)
    assert_close(measure(params, xs.at[:, 1:].multiply(1e3)), alone)
    assert np.isnan(measure(params, xs.at[:, 0].set(jnp.nan)))[:-1].all()  # at the last it is that of the sum, 1


def test_a_gradient_that_is_exactly_zero_is_minus_infinity_on_the_data():
    """Of an LSTM that forgets all, nothing goes back further than a step."""
    params = LSTM.init(jax.random.key(0), I)
    params = params._replace(recurrent_kernel=jnp.zeros((H, 4 * H)), bias=params.bias.at[H : 2 * H].set(-1e4))
    measured = of_last_lstm_output(params, jnp.zeros((T, B, I)))["state_gradient/on_data"]
    assert np.isneginf(measured[:-1]).all()
    assert np.isfinite(measured[-1])
