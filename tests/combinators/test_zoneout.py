"""Units that keep their value: which, how many, and what the expectation is."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.cells.rnn import RNNState
from rnnx.types import Cell, Dense, Diagonal
from tests.variants import B, H, I, T, assert_close, example, example_of, inner, like

KEY = jax.random.key(5)
LSTM = rnnx.lstm(H)


def decaying() -> Cell:
    """h_t = σ(x_t W) ⊙ h_{t-1} + x_t W: the smallest cell of form Diagonal."""

    def coefficients(params, xs):
        b = xs @ params.input_kernel
        return RNNState(jax.nn.sigmoid(b)), RNNState(b)

    form = Diagonal(coefficients)
    cell = rnnx.rnn(H)
    return cell._replace(step=form.step, form=form)


FORMS = {"Dense": LSTM, "Diagonal": decaying(), "no form": rnnx.gru(H, reset_after=False)}
every_form = pytest.mark.parametrize("form", FORMS)


@every_form
@pytest.mark.parametrize("key", [None, KEY], ids=["expected", "drawn"])
def test_rate_zero_is_the_cell_and_rate_one_stands_still(float64, form, key):
    cell, params, state, xs = example_of(FORMS[form])

    @jax.jit
    def run(params, xs, state):
        cells = cell, rnnx.zoneout(cell, 0, key), rnnx.zoneout(cell, 1, key)
        return [rnnx.unroll(c, params, xs, state, return_states=True) for c in cells]

    wanted, never, always = run(params, xs, state)
    # Not to the last digit: XLA may fuse another program otherwise, and round otherwise.
    assert_close(never, wanted)
    still = always.states
    assert_close(still, jax.tree.map(lambda s: jnp.broadcast_to(s, (T, *s.shape)), state), rtol=0, atol=0)


@every_form
def test_each_unit_keeps_its_value_or_takes_the_cells_new_one(float64, form):
    """At every step, from the state before it; of an LSTM, h̃_t follows the cell's own c̃_t, kept or not."""
    cell, params, state, xs = example_of(FORMS[form])
    states = rnnx.unroll(rnnx.zoneout(cell, 0.5, KEY), params, xs, state, return_states=True).states
    before = jax.tree.map(lambda s_0, s: jnp.concatenate([s_0[None], s[:-1]]), state, states)
    new = cell.step(params, before, xs)
    for s, s_tm1, s_new in zip(*map(jax.tree.leaves, (states, before, new)), strict=True):
        kept = np.asarray(s == s_tm1)
        assert 0 < kept.mean() < 1
        assert_close(s, jnp.where(kept, s_tm1, s_new))


def test_masks_are_drawn_for_each_step_example_and_unit(float64):
    """With the rate of each part; the parts do not share them."""
    cell = rnnx.lstm(20)
    rate = {"c": 0.5, "h": 0.1}
    params = cell.init(jax.random.key(0), I)
    xs = like(jax.ShapeDtypeStruct((30, 10, I), float), seed=1)
    states = rnnx.unroll(rnnx.zoneout(cell, rate, KEY), params, xs, return_states=True).states
    kept = {part: np.asarray(s[1:] == s[:-1]) for part, s in states._asdict().items()}
    draws = 29 * 10 * 20
    for part, p in rate.items():
        np.testing.assert_allclose(kept[part].mean(), p, rtol=0, atol=5 * np.sqrt(p * (1 - p) / draws))  # five sd
        for axis in range(3):  # not one draw for all steps, all examples or all units
            assert kept[part].mean(axis=axis).min() > 0 or kept[part].mean(axis=axis).max() < 1
            assert (kept[part] != kept[part].take([0], axis=axis)).any(axis=axis).mean() > 0.5
    both = (kept["c"] & kept["h"]).mean()
    np.testing.assert_allclose(both, 0.05, rtol=0, atol=5 * np.sqrt(0.05 * 0.95 / draws))  # p_c p_h


def test_a_part_that_is_not_named_is_the_cells(float64):
    cell, params, state, xs = example("lstm")
    states = rnnx.unroll(rnnx.zoneout(cell, {"c": 1.0}, KEY), params, xs, state, return_states=True).states
    assert_close(states.c, jnp.broadcast_to(state.c, (T, B, H)), rtol=0, atol=0)
    assert not np.any(states.h[1:] == states.h[:-1])


@every_form
def test_the_expectation(float64, form):
    """p s_{t-1} + (1 - p) s̃_t, and it can be stepped."""
    cell, params, state, xs = example_of(FORMS[form])
    expected = rnnx.zoneout(cell, 0.3)
    after = expected.step(params, state, xs[0])
    wanted = jax.tree.map(lambda old, new: 0.3 * old + 0.7 * new, state, cell.step(params, state, xs[0]))
    assert_close(after, wanted)
    assert_close(rnnx.unroll(expected, params, xs[:1], state).final_state, wanted)
    assert type(expected.form) is type(cell.form)
    assert expected.gates is cell.gates


def test_the_expectation_has_a_rate_for_each_part(float64):
    cell, params, state, xs = example("lstm")
    after = rnnx.zoneout(cell, {"c": 0.5, "h": 0.05}).step(params, state, xs[0])
    new = cell.step(params, state, xs[0])
    assert_close(after.c, 0.5 * state.c + 0.5 * new.c)
    assert_close(after.h, 0.05 * state.h + 0.95 * new.h)


def test_one_step_averaged_over_draws_is_the_expectation(float64):
    cell, params, state, xs = example("lstm")

    def drawn(key):
        return rnnx.unroll(rnnx.zoneout(cell, 0.3, key), params, xs[:1], state).final_state

    mean = jax.tree.map(lambda s: s.mean(axis=0), jax.jit(jax.vmap(drawn))(jax.random.split(KEY, 4000)))
    wanted = rnnx.zoneout(cell, 0.3).step(params, state, xs[0])
    # |s_{t-1} - s̃_t| < 4, and a draw has a standard deviation of 0.46 of it: five of the mean of 4000.
    assert_close(mean, wanted, rtol=0, atol=5 * 4 * 0.46 / np.sqrt(4000))


def test_the_gradient_of_a_kept_unit_is_one(float64):
    """∂s_t/∂s_{t-1} has the rows of the identity where a unit is kept, and the cell's elsewhere."""
    cell, params, _, xs = example("rnn", batch_shape=(1,))
    h = like(jax.ShapeDtypeStruct((1, H), float), seed=1)
    drawn = rnnx.zoneout(cell, 0.5, jax.random.key(0))

    def after(h):
        return rnnx.unroll(drawn, params, xs[:1], RNNState(h)).final_state.h

    @jax.jit
    def both(h):
        of_cell = jax.jacobian(lambda h: cell.step(params, RNNState(h), xs[0]).h)(h)
        return after(h) == h, jax.jacobian(after)(h), of_cell

    (kept,), J, of_cell = jax.device_get(both(h))
    assert 0 < kept.sum() < H
    assert_close(J[0, :, 0], np.where(kept[:, None], np.eye(H), of_cell[0, :, 0]))


@pytest.mark.slow  # as dropout, whose test is fast
def test_vmap_over_keys_inside_a_jitted_loss(float64):
    """Value and gradient for several draws at once are those one by one, and differ from draw to draw."""
    cell, params, _, xs = example("rnn")
    keys = jax.random.split(KEY, 3)
    w = like(jax.ShapeDtypeStruct((T, B, H), float), seed=3)

    def loss(params, key):
        return inner(w, rnnx.unroll(rnnx.zoneout(cell, 0.4, key), params, xs).outputs)

    one = jax.jit(jax.value_and_grad(loss))
    at_once = jax.jit(jax.vmap(jax.value_and_grad(loss), in_axes=(None, 0)))(params, keys)
    for n, key in enumerate(keys):
        assert_close(jax.tree.map(lambda a, n=n: a[n], at_once), one(params, key))
    assert len(np.unique(at_once[0])) == 3


@pytest.mark.parametrize("key", [pytest.param(None, marks=pytest.mark.slow), KEY], ids=["expected", "drawn"])
def test_it_goes_around_and_inside_other_combinators(float64, key):
    """Around a stack it goes around each layer; with dropout inside, the masks of both act."""

    @functools.partial(jax.jit, static_argnums=0)
    def states_of(cell, params, xs, state):
        return rnnx.unroll(cell, params, xs, state, return_states=True).states

    layers = rnnx.stack(rnnx.rnn(H), rnnx.rnn(2))
    cell, params, state, xs = example_of(rnnx.zoneout(layers, 0.5, key))
    around = states_of(cell, params, xs, state)
    if key is None:
        each = rnnx.stack(*(rnnx.zoneout(layer, 0.5) for layer in (rnnx.rnn(H), rnnx.rnn(2))))
        assert_close(around, states_of(each, params, xs, state))
    else:
        kept = [np.asarray(s.h[1:] == s.h[:-1])[..., :2] for s in jax.device_get(around.layers)]
        assert (kept[0] != kept[1]).any()

    both = rnnx.zoneout(rnnx.dropout(LSTM, KEY, input_rate=0.5, recurrent_rate=0.5), {"h": 0.5}, key)
    _, params, state, xs = example("lstm")
    other_order = rnnx.dropout(rnnx.zoneout(LSTM, {"h": 0.5}, key), KEY, input_rate=0.5, recurrent_rate=0.5)
    each_alone = rnnx.zoneout(LSTM, {"h": 0.5}, key), LSTM
    for combined in (both, other_order):
        states = states_of(combined, params, xs, state)
        assert (np.asarray(states.h[1:] == states.h[:-1]).any()) == (key is not None)
        for alone in each_alone:
            assert np.all(np.asarray(states.c)[0] != np.asarray(states_of(alone, params, xs, state).c)[0])


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (-0.1, r"^rate must lie between 0 and 1, not -0\.1\.$"),
        (1.5, r"^rate must lie between 0 and 1, not 1\.5\.$"),
        (True, r"^rate must be a finite number, not True\.$"),
        ({"c": 2}, r"^rate of 'c' must lie between 0 and 1, not 2\.$"),
    ],
)
def test_a_bad_rate_is_refused_in_one_line(rate, message):
    with pytest.raises(ValueError, match=message):
        rnnx.zoneout(LSTM, rate)


@pytest.mark.parametrize("key", [None, KEY], ids=["expected", "drawn"])
def test_a_rate_for_a_part_that_is_not_there_is_refused_in_one_line(key):
    cell = rnnx.zoneout(LSTM, {"cc": 0.5}, key)
    params = cell.init(jax.random.key(0), I)
    # JAX may add a note of its own after the line, since the step is traced when this is found.
    message = r"(?m)^no part of the state named 'cc'; did you mean 'c'\? Known: c, h\.$"
    with pytest.raises(ValueError, match=message):
        rnnx.unroll(cell, params, jnp.ones((T, B, I)))


def test_what_is_not_a_key_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^key must be a key such as jax\.random\.key\(0\), not 0\.0\.$"):
        rnnx.zoneout(LSTM, 0.1, 0.0)


def test_the_inner_cell_keeps_its_form(float64):
    """So that the engine which runs the cell fastest still does."""
    seen = []

    def run(cell, params, xs, state, perturbations):
        seen.append(type(cell.form))
        return state, state

    for form in FORMS.values():
        ex = example_of(form)
        rnnx.zoneout(form, 0.5, KEY).form.over_time(run, ex.params, ex.xs, ex.state, None)
    assert seen == [Dense, Diagonal, type(None)]
