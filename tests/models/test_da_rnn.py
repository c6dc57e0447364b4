"""DA-RNN against the paper's equations in NumPy: its attentions are within the recurrence, and change with time."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.combinators._by_state import input_attention, temporal_attention, weights_by_state
from rnnx.diagnostics.attention import attention
from rnnx.models.da_rnn import DaRnn
from tests.helpers.forecasting import assert_flows_are_differences, assert_is, forecaster, forecasting_task
from tests.reference import forecasting as reference
from tests.variants import assert_close, slow_unless

W, H, B = 4, 3, 2


def given(m=3, O=1):
    return forecaster("da_rnn", rnnx.lstm(H), W + 1, B, m, O, window=W)


@functools.cache
def flows():
    return given().flows(given().params, given().xs)


@pytest.mark.parametrize(("m", "O"), slow_unless(lambda m, O: O == 1, [(3, 1), (2, 2), (4, 2)]))
def test_it_is_the_equations_written_out(float64, m, O):
    """Of one series told and two that are read, as in the paper; of all, which are then read too; of two and two."""
    assert_is(functools.partial(reference.da_rnn, window=W), given(m, O))


def test_the_gradient_at_every_step_of_both_parts_is_that_of_finite_differences(float64):
    assert_flows_are_differences(given())
    assert flows()["encoder"].inputs.shape == (W, B, 2)
    assert flows()["decoder"].inputs.shape == (W, B, 1)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_what_is_looked_at_depends_on_the_state_before(float64, part):
    """∂α_t/∂h_{t-1}: of a score that is linear in [state; series] the state's share is the same for all and cancels."""
    flow = flows()[part]

    @jax.jit
    def sensitivity(before):
        return jax.jacobian(lambda s: weights_by_state(flow.params, s, axes=1))(before)

    for t in range(1, W):
        by_state = sensitivity(jax.tree.map(lambda s, t=t: s[t], flow.states))
        by_state = by_state.previous if part == "decoder" else by_state
        for b in range(B):  # and on the own state alone
            for leaf in (by_state.h, by_state.c):
                assert (np.abs(leaf[b, :, b]) > 1e-7).all()
                assert not np.any(leaf[b, :, 1 - b])


@pytest.mark.parametrize(("part", "places"), [("encoder", 2), ("decoder", W)])
def test_weights_sum_to_one_change_with_time_and_are_measured(float64, part, places):
    told = jax.jit(attention)(flows()[part])
    weights = np.asarray(told["attention/weights"])
    assert weights.shape == (W, places)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-14)  # a few roundings
    changes = np.abs(np.diff(weights, axis=0)).max(axis=1)
    assert (changes[part == "decoder" :] > 1e-4).all()  # whose first two steps both look by the state before the first
    assert 1 < told["attention/places"] < places


def test_the_decoder_is_given_what_it_saw_a_step_before(float64):
    """Equation 15: d_t from y_{t-1} and c_{t-1}, which is of d_{t-2}."""
    flow = flows()["decoder"]
    step = jax.jit(flow.cell.step)
    before = jax.tree.map(lambda s: s[2], flow.states)
    assert_close(before.previous, jax.tree.map(lambda s: s[1], flow.states.cell))
    after = step(flow.params, before, flow.inputs[2])
    assert_close(after.previous, before.cell)
    other = step(flow.params, before._replace(previous=jax.tree.map(jnp.zeros_like, before.cell)), flow.inputs[2])
    assert (np.abs(after.cell.h - other.cell.h) > 1e-6).all()


def test_the_steps_before_the_window_and_nothing_else_are_left_out(float64):
    of = given()
    found = of.forecast(of.params, of.xs)
    assert_close(of.forecast(of.params, of.xs[1:]), found)
    for t in range(1, W + 1):  # up to the last one, of which a common slip of one step knows nothing
        moved = of.xs.copy()
        moved[t] += 1
        assert (np.abs(of.forecast(of.params, moved) - found) > 1e-8).all(), t


@pytest.mark.parametrize("combinator", [input_attention, temporal_attention])
def test_a_cell_that_can_not_attend_is_refused(combinator):
    with pytest.raises(ValueError, match=f"^{combinator.__name__} takes cells, such as rnnx.lstm"):
        combinator("lstm", 3)
    with pytest.raises(ValueError, match=f"^{combinator.__name__} needs a cell that can be stepped, and this one can"):
        combinator(rnnx.bidirectional(rnnx.gru(2), rnnx.gru(2)), 3)
    with pytest.raises(ValueError, match=r"that of this cell depends on its input: choose another cell\.$"):
        combinator(rnnx.lru(2), 3).init(jax.random.key(0), 2)
    cell = combinator(rnnx.gru(2), 3)
    with pytest.raises(ValueError, match="nothing to look at"):
        rnnx.unroll(cell, cell.init(jax.random.key(0), 2), jnp.zeros((4, 1, 2)))
    assert combinator(rnnx.gru(2), 3) == cell
    assert repr(cell.init) == f"rnnx.combinators.{combinator.__name__}(rnnx.gru(2), 3).init"  # as it can be written


def test_a_window_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"^window must be a whole number of at least 1, not 0\.$"):
        DaRnn(rnnx.lstm(4), forecasting_task(), window=0, rngs=nnx.Rngs(0))
