"""Frames that are written by chance, each entry by itself."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx import decoding
from rnnx.keyboard import Keyboard
from rnnx.training.program import split
from rnnx.types import Batch, Decoder

K = 3
LOGITS = np.array([1.0, -2.0, 0.0])


class Constant(nnx.Module):
    """Says the same after everything, and counts in its state what it is given."""

    def decoder(self, batch, run):
        given = jnp.zeros(batch.inputs.shape[1:], batch.inputs.dtype)
        return Decoder(given, lambda state, frame: state + frame, lambda state: jnp.broadcast_to(LOGITS, state.shape))


def drawn(temperature, length=4000):
    batch = Batch(jnp.zeros((1, 2, K)), None, None)
    found = decoding.sample_frames(Constant(), {}, batch, jax.random.key(0), length=length, temperature=temperature)
    return np.asarray(found)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_each_entry_sounds_as_often_as_its_logit_says(temperature):
    p = 1 / (1 + np.exp(-LOGITS / temperature))
    found = drawn(temperature)
    assert found.dtype == bool
    # Of 8000 draws the share has a standard deviation of at most .0056; of 9 numbers none is off by four.
    np.testing.assert_allclose(found.mean(axis=(0, 1)), p, atol=4 * 0.0056)
    both = (found[..., 0] & found[..., 2]).mean()
    np.testing.assert_allclose(both, p[0] * p[2], atol=4 * 0.0056)  # by itself


@pytest.mark.parametrize("temperature", [0.0, 1e-45])
def test_at_temperature_zero_what_is_likelier_than_not_sounds(temperature):
    np.testing.assert_array_equal(drawn(temperature, 5), np.broadcast_to([True, False, False], (5, 2, K)))


class Echo(nnx.Module):
    """Says of the first entry that it may be or not, and of the second what the first was in the frame before."""

    def decoder(self, batch, run):
        def logits(state):
            return jnp.stack([jnp.zeros(state.shape[:-1]), jnp.where(state[..., 0] > 0, 1e3, -1e3)], axis=-1)

        return Decoder(batch.inputs[-1], lambda state, frame: frame, logits)


def test_the_model_is_given_the_frame_that_was_drawn():
    batch = Batch(jnp.zeros((1, 2, 2)), None, None)
    found = np.asarray(decoding.sample_frames(Echo(), {}, batch, jax.random.key(0), length=30))
    assert 0 < found[..., 0].mean() < 1
    np.testing.assert_array_equal(found[1:, :, 1], found[:-1, :, 0])


def test_what_is_written_is_what_the_model_says_of_it():
    """Step by step as `rnnx.unroll` would read it: at temperature 0, each frame is that of the model's own outputs."""
    task = rnnx.tasks.get("adding")()._replace(input_size=K, output_size=K, keyboard=Keyboard(keys=K))
    model = functools.partial(rnnx.models.get("sequence"), rnnx.lstm(5), task, layers=2)
    graphdef, params = split(model, jax.random.key(0))
    params = jax.tree.map(lambda a: 3 * a, params)  # else all logits are of one sign
    before = (jax.random.uniform(jax.random.key(1), (4, 2, K)) < 0.5).astype(jnp.float32)
    batch = Batch(before, None, jnp.ones((4, 2)))
    found = decoding.sample_frames(graphdef, params, batch, jax.random.key(2), length=9, temperature=0.0)
    whole = jnp.concatenate([before, found.astype(jnp.float32)])
    logits = nnx.merge(graphdef, params)(batch._replace(inputs=whole))
    np.testing.assert_array_equal(found, np.asarray(logits)[3:-1] > 0)
    assert 0 < found.mean() < 1


def test_mistakes_are_told_in_a_line():
    with pytest.raises(ValueError, match=r"^temperature must be at least 0, .*, not -1\.0\.$"):
        drawn(-1.0)
    with pytest.raises(ValueError, match=r"^length must be a whole number of at least 1, not 0\.$"):
        drawn(1.0, 0)
    task = rnnx.tasks.get("adding")()
    model = rnnx.models.get("sequence")(rnnx.lstm(5), task, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="writes where its outputs are for the tokens that it reads"):
        decoding.sample_frames(
            model, nnx.state(model), Batch(jnp.zeros((1, 1, 2)), None, None), jax.random.key(0), length=2
        )
