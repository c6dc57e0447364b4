"""Models that write: token by token they say what they say of the whole sequence."""

import functools

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

import rnnx
from rnnx.training.program import split
from rnnx.types import Batch, Decoder, Pair
from tests.helpers import compiled
from tests.helpers.text_task import markov, text_task
from tests.variants import assert_close, slow_unless

T, B, H = 5, 3, 3
LETTERS = text_task(markov(100, 7), 7)
REVERSE, SCENES = rnnx.tasks.get("reverse")(), rnnx.tasks.get("scenes")()
VARIANTS = {
    "encoder_decoder none": (REVERSE, rnnx.lstm(H), {"attention": "none"}),
    "encoder_decoder dot": (REVERSE, rnnx.gru(H), {"attention": "dot"}),
    "encoder_decoder additive": (REVERSE, rnnx.lstm(H), {"attention": "additive"}),
    "captioner none": (SCENES, rnnx.lstm(H), {"attention": "none"}),
    "captioner dot": (SCENES, rnnx.gru(H), {"attention": "dot"}),
    "sequence": (LETTERS, rnnx.lstm(H), {"layers": 2, "residual": True, "layer_norm": True}),
    "sequence stack": (LETTERS, rnnx.stack(rnnx.gru(H), rnnx.mingru(H)), {}),
    "sequence tied": (LETTERS, rnnx.gru(H), {"tied_embedding": True}),
    "bag_of_words": (LETTERS, rnnx.gru(H), {}),
    "ngram": (LETTERS, rnnx.gru(H), {"order": 4}),
}


def made(variant):
    """(parameters -> model), parameters in double precision, and a batch whose examples differ in length."""
    task, cell, options = VARIANTS[variant]
    model = functools.partial(rnnx.models.get(variant.split()[0]), cell, task, **options)
    graphdef, _ = jax.eval_shape(lambda: split(model, jax.random.key(0)))
    params = jax.jit(lambda: jax.tree.map(lambda a: a.astype(float), split(model, jax.random.key(0))[1]))()
    if task is not LETTERS:
        batch = compiled.sample(task.sample, jax.random.key(1), B, T)
        first = task.output_size
        target = jax.random.randint(jax.random.key(2), (T, B), 0, first).at[0].set(first)
        batch = batch._replace(inputs=batch.inputs._replace(target=target, target_lengths=None))
        if isinstance(batch.inputs, Pair):
            batch = batch._replace(lengths=jnp.array([5, 2, 3]))
        else:
            batch = batch._replace(inputs=batch.inputs._replace(image=batch.inputs.image.astype(float)))
    else:
        batch = Batch(jax.random.randint(jax.random.key(1), (T, B), 0, 7), None, None)
    return functools.partial(merged, graphdef), params, batch


def merged(graphdef, params):
    return nnx.merge(graphdef, params)


# One of each model; attention is there under vmap below, and n-grams have their own test.
KEPT = ("encoder_decoder none", "captioner dot", "sequence", "bag_of_words")


@pytest.mark.parametrize("variant", slow_unless(lambda variant: variant in KEPT, VARIANTS))
def test_step_by_step_over_the_given_tokens_it_says_what_it_says_of_the_whole(float64, variant):
    model, params, batch = made(variant)
    task = VARIANTS[variant][0]

    @jax.jit
    def both(params, batch):
        whole = model(params)(batch)
        if task is not LETTERS:  # all that is written comes after the source or picture, which has been read
            tokens, whole, prompt = batch.inputs.target[1:], whole, batch
        else:  # all that is written comes after a prompt of two tokens
            tokens, whole, prompt = batch.inputs[2:], whole[1:], batch._replace(inputs=batch.inputs[:2])
        decoder = model(params).decoder(prompt)

        def step(state, token):
            state = decoder.step(state, token)
            return state, decoder.logits(state)

        stepped = jax.lax.scan(step, decoder.state, tokens)[1]
        return whole, jnp.concatenate([decoder.logits(decoder.state)[None], stepped])

    assert_close(*reversed(both(params, batch)))


def test_each_example_goes_on_from_its_own_last_token(float64):
    """Prompts of different lengths; what stands behind them does not matter."""
    model, params, batch = made("sequence")

    @jax.jit
    def after(params, inputs, lengths):
        decoder = model(params).decoder(Batch(inputs, None, None, lengths))
        assert isinstance(decoder, Decoder)
        next_state = decoder.step(decoder.state, jnp.full(inputs.shape[1], 4))
        return jnp.stack([decoder.logits(decoder.state), decoder.logits(next_state)], axis=1)

    together = after(params, batch.inputs, jnp.array([5, 2, 3]))
    assert_close(together[1:2], after(params, batch.inputs[:2, 1:2], None))
    assert_close(together, after(params, batch.inputs.at[2:, 1].set(6).at[3:, 2].set(0), jnp.array([5, 2, 3])))


@pytest.mark.slow
def test_more_than_one_continuation_runs_under_vmap(float64):
    model, params, batch = made("encoder_decoder additive")
    tokens = jnp.arange(2 * B).reshape(2, B)

    @jax.jit
    def both(params):
        decoder = model(params).decoder(batch)
        one = [decoder.logits(decoder.step(decoder.state, token)) for token in tokens]
        many = jax.vmap(decoder.step, in_axes=(None, 0))(decoder.state, tokens)
        return jnp.stack(one), jax.vmap(decoder.logits)(many)

    assert_close(*both(params))


def test_only_models_that_generate_have_a_decoder():
    assert not hasattr(rnnx.models.get("recursive"), "decoder")


@pytest.mark.parametrize(
    ("task", "cell", "options", "inputs", "message"),
    [
        (rnnx.tasks.get("adding")(), rnnx.gru(H), {}, (2, B, 2), "where its outputs are for the tokens that it reads"),
        (
            LETTERS._replace(output_size=2),
            rnnx.gru(H),
            {},
            (2, B),
            "where its outputs are for the tokens that it reads",
        ),
        (LETTERS, rnnx.gru(H), {"bidirectional": True}, (2, B), "in both directions"),
        (LETTERS, rnnx.zoneout(rnnx.gru(H), 0.5, jax.random.key(0)), {}, (2, B), "can't be stepped"),
        (LETTERS, rnnx.gru(H), {}, (0, B), "needs at least one token"),
    ],
)
def test_what_cannot_write_is_refused(task, cell, options, inputs, message):
    model = rnnx.models.get("sequence")(cell, task, rngs=nnx.Rngs(0), **options)
    with pytest.raises(ValueError, match=message):
        model.decoder(Batch(jnp.zeros(inputs, int), None, None))
