"""One mask per sequence: where it stands, how it is scaled, and what it is drawn from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from tests.variants import B, H, I, T, assert_close, example, example_of, inner, like

KEY = jax.random.key(5)
IDENTITY = rnnx.rnn(H, activation="identity")
PROBE = rnnx.rnn(50, activation="identity")


def probe(input_kernel, recurrent_kernel):
    params = PROBE.init(jax.random.key(0), 50)
    return params._replace(input_kernel=input_kernel, recurrent_kernel=recurrent_kernel)


@pytest.mark.parametrize("name", ["lstm", "gru_reset_before"])
def test_rate_zero_is_the_cell(name):
    cell, params, state, xs = example(name)
    found = rnnx.unroll(rnnx.dropout(cell, KEY), params, xs, state, return_states=True)
    wanted = rnnx.unroll(cell, params, xs, state, return_states=True)
    assert_close(found, wanted, rtol=0, atol=0)  # the same program


def test_the_mask_of_the_inputs(float64):
    """h_t = (x_t ⊙ m) I with x_t = 1 shows the mask itself."""
    p, zero = 0.3, jnp.zeros((50, 50))
    xs = jnp.ones((T, 40, 50))
    dropped = rnnx.dropout(PROBE, KEY, input_rate=p)
    masks = np.asarray(rnnx.unroll(dropped, probe(jnp.eye(50), zero), xs).outputs)
    assert_close(masks, np.broadcast_to(masks[0], masks.shape), rtol=0, atol=0)  # the same at every step
    assert set(masks.ravel()) == {0.0, 1 / (1 - p)}
    assert len(np.unique(masks[0], axis=0)) == 40  # each example has its own
    # 2000 draws of variance p / (1 - p): five standard deviations.
    np.testing.assert_allclose(masks[0].mean(), 1, rtol=0, atol=5 * np.sqrt(p / (1 - p) / 2000))


def test_the_mask_of_the_hidden_vector(float64):
    """h_t = (h_{t-1} ⊙ m) I = h_0 ⊙ mᵗ shows the mask's powers."""
    p, zero = 0.5, jnp.zeros((50, 50))
    xs = jnp.ones((3, 40, 50))
    dropped = rnnx.dropout(PROBE, KEY, recurrent_rate=p)
    start = PROBE.initial_state(probe(zero, zero), (40,))._replace(h=jnp.ones((40, 50)))
    powers = np.asarray(rnnx.unroll(dropped, probe(zero, jnp.eye(50)), xs, start).outputs)
    mask = powers[0]
    assert set(mask.ravel()) == {0.0, 2.0}
    assert_close(powers, np.stack([mask, mask**2, mask**3]), rtol=0, atol=0)  # powers of two are exact
    assert len(np.unique(mask, axis=0)) == 40
    # 2000 draws of variance p / (1 - p) = 1: five standard deviations.
    np.testing.assert_allclose(mask.mean(), 1, rtol=0, atol=5 / np.sqrt(2000))


def test_the_two_masks_are_independent(float64):
    """Of one shape and one rate, they agree on half of the units."""
    dropped = rnnx.dropout(PROBE, KEY, input_rate=0.5, recurrent_rate=0.5)
    zero, eye = jnp.zeros((50, 50)), jnp.eye(50)
    start = PROBE.initial_state(probe(zero, zero), (40,))._replace(h=jnp.ones((40, 50)))
    of_x = rnnx.unroll(dropped, probe(eye, zero), jnp.ones((1, 40, 50))).outputs
    of_h = rnnx.unroll(dropped, probe(zero, eye), jnp.ones((1, 40, 50)), start).outputs
    # 2000 agreements of variance 1/4: five standard deviations.
    np.testing.assert_allclose((of_x == of_h).mean(), 0.5, rtol=0, atol=2.5 / np.sqrt(2000))


def test_what_is_not_multiplied_by_a_kernel_is_not_dropped(float64):
    """A GRU's z ⊙ h_{t-1} with U = W = 0 and z = 1/2, and the x_t of a residual connection."""
    cell = rnnx.residual(rnnx.gru(H))
    params = jax.tree.map(jnp.zeros_like, cell.init(jax.random.key(0), H))
    xs, h_0 = jnp.ones((1, B, H)), jnp.ones((B, H))
    dropped = rnnx.dropout(cell, KEY, input_rate=0.9, recurrent_rate=0.9)
    state = cell.initial_state(params, (B,))._replace(h=h_0)
    assert_close(rnnx.unroll(dropped, params, xs, state).outputs, xs + h_0 / 2)


def test_each_part_of_a_composed_cell_has_masks_of_its_own(float64):
    """Also where a part is composed itself."""
    layers = rnnx.stack(PROBE, rnnx.stack(PROBE, PROBE))
    eye, zero = jnp.eye(50), jnp.zeros((50, 50))
    params = layers.init(jax.random.key(0), 50)
    p = probe(eye, zero)
    params = params._replace(layers=(p, params.layers[1]._replace(layers=(p, p))))
    xs = jnp.ones((1, 40, 50))
    dropped = rnnx.dropout(layers, KEY, input_rate=0.5)
    states = rnnx.unroll(dropped, params, xs, return_states=True).states
    one, two = states.layers[0].h, states.layers[1].layers[0].h
    three = states.layers[1].layers[1].h
    # Each layer drops half of what the one below has left; of 2000, five standard deviations.
    for left, share in ((one, 1 / 2), (two, 1 / 4), (three, 1 / 8)):
        atol = 5 * np.sqrt(share * (1 - share) / 2000)
        np.testing.assert_allclose((left != 0).mean(), share, rtol=0, atol=atol)


def test_vmap_over_keys_inside_a_jitted_loss(float64):
    """Value and gradient for several draws at once are those one by one, and differ from draw to draw."""
    cell, params, _, xs = example("lstm")
    keys = jax.random.split(KEY, 3)
    w = like(jax.ShapeDtypeStruct((T, B, H), float), seed=3)

    def loss(params, key):
        dropped = rnnx.dropout(cell, key, input_rate=0.4, recurrent_rate=0.4)
        return inner(w, rnnx.unroll(dropped, params, xs).outputs)

    one = jax.jit(jax.value_and_grad(loss))
    at_once = jax.jit(jax.vmap(jax.value_and_grad(loss), in_axes=(None, 0)))(params, keys)
    for n, key in enumerate(keys):
        assert_close(jax.tree.map(lambda a, n=n: a[n], at_once), one(params, key))
    assert len(np.unique(at_once[0])) == 3
    mean = jax.jit(jax.grad(lambda params: jax.vmap(loss, in_axes=(None, 0))(params, keys).mean()))(params)
    assert_close(mean, jax.tree.map(lambda a: a.mean(axis=0), at_once[1]))


def test_nan_in_gives_nan_out(float64):
    """A dropped NaN too: it is a fault to be seen. In its own example, from its own step on."""
    cell, params, state, xs = example_of(rnnx.dropout(IDENTITY, KEY, input_rate=0.9))
    outputs = rnnx.unroll(cell, params, xs.at[2, 1].set(jnp.nan), state).outputs
    expected = np.zeros((T, B, H), bool)
    expected[2:, 1] = True
    np.testing.assert_array_equal(jnp.isnan(outputs), expected)


@pytest.mark.parametrize("name", ["input_rate", "recurrent_rate"])
@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (-0.1, r"must lie between 0 and 1, not -0\.1\."),
        (1.5, r"must lie between 0 and 1, not 1\.5\."),
        (1, r"must be below 1, since what is kept is divided by 1 - \w+\."),
        (float("nan"), r"must be a finite number, not nan\."),
        ("0.5", r"must be a finite number, not '0\.5'\."),
    ],
)
def test_a_bad_rate_is_refused_in_one_line(name, rate, message):
    with pytest.raises(ValueError, match=rf"^{name} {message}$"):
        rnnx.dropout(IDENTITY, KEY, **{name: rate})


def test_what_is_not_a_key_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^key must be a key such as jax\.random\.key\(0\), not 0\.3\.$"):
        rnnx.dropout(IDENTITY, 0.3)


def test_recurrent_dropout_needs_a_recurrent_product():
    message = r"^recurrent dropout needs a cell of form Dense, such as lstm, and this one has no form\.$"
    with pytest.raises(ValueError, match=message):
        rnnx.dropout(rnnx.gru(H, reset_after=False), KEY, recurrent_rate=0.1)
    cell = rnnx.dropout(rnnx.stack(rnnx.gru(H, reset_after=False)), KEY, recurrent_rate=0.1)
    with pytest.raises(ValueError, match=message):
        rnnx.unroll(cell, cell.init(jax.random.key(0), I), jnp.ones((T, B, I)))
