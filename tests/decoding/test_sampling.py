"""Tokens by chance: the filters against NumPy, and what is drawn against the distribution and against itself."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from flax import nnx

import rnnx
from rnnx.decoding import filtered_logits, sample, write
from rnnx.decoding.sampling import _sample
from rnnx.training.runs import with_zoneout
from rnnx.types import Batch
from tests.helpers import writers
from tests.helpers.writers import MODELS, B, V
from tests.variants import slow_unless

pytestmark = pytest.mark.xdist_group("decoding")  # the same models write in all of these tests

L = 8
KEY = jax.random.key(5)
filtered = jax.jit(filtered_logits)  # all three settings traced


def reference(logits, temperature, top_k, top_p):
    """The distribution that is left, in double precision, one token after the other."""
    left = np.zeros(len(logits))
    order = sorted(range(len(logits)), key=lambda token: (-logits[token], token))
    if temperature == 0:
        left[order[0]] = 1
        return left
    order = order[: top_k or None]
    weights = np.exp((logits[order] - logits[order[0]]) / temperature)
    so_far = 0.0
    for token, share in zip(order, weights / weights.sum(), strict=True):
        left[token] = share
        so_far += share
        if so_far >= top_p and top_p < 1:
            break
    return left / left.sum()


def test_filters_are_those_of_the_reference_in_their_order(float64):
    rng = np.random.default_rng(0)
    logits = np.concatenate([3 * rng.normal(size=(4, 7)), rng.integers(3, size=(4, 7))])  # half of them with ties
    for temperature in (0.0, 0.3, 1.0, 2.5):
        for top_k in (0, 1, 3, 7, 40):
            # None of them is a sum of probabilities that could come out on either side.
            for top_p in (1e-8, 0.437, 0.913, 1.0):
                result = filtered(jnp.array(logits), temperature, top_k, top_p)
                expected = [reference(row, temperature, top_k, top_p) for row in logits]
                np.testing.assert_array_equal(np.isfinite(result), np.array(expected) > 0)
                # A few roundings of values up to 40 (12 / 0.3), in the exponent.
                np.testing.assert_allclose(jax.nn.softmax(result), expected, rtol=1e-13, atol=1e-13)


def test_top_p_looks_at_what_temperature_and_top_k_left():
    """.4, .3, .2, .1: each other order of the filters would keep another number of them."""
    logits = jnp.log(jnp.array([0.4, 0.3, 0.2, 0.1]))
    assert kept(logits, 1.0, 0, 0.65) == {0, 1}
    assert kept(logits, 0.5, 0, 0.65) == {0, 1}  # .53, .3, .13, .03
    assert kept(logits, 0.25, 0, 0.65) == {0}  # .72: the first by itself
    assert kept(logits, 1.0, 3, 0.75) == {0, 1}  # 4/9, 3/9; of all four it would be three


def kept(logits, *settings):
    return set(np.flatnonzero(np.isfinite(filtered(logits, *settings))))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_the_smallest_top_p_keeps_the_likeliest_alone_and_one_keeps_all(dtype):
    logits = jnp.linspace(-30, 1, 1000).astype(dtype)  # in bfloat16 many are equal; the last is the largest in both
    first = int(jnp.argmax(logits))
    for top_p in (1e-8, 1e-45, 1e-300):
        assert kept(logits, 1.0, 0, top_p) == {first}
    assert kept(logits, 1.0, 0, jnp.asarray(1e-8, dtype)) == {first}
    assert kept(logits, 1.0, 0, 1.0) == set(range(1000))
    assert len(kept(logits, 1.0, 999, 1.0)) == 999  # whose probabilities sum to 1 long before the last
    assert filtered(logits).dtype == jnp.float32


def test_the_token_that_crosses_top_p_is_kept():
    logits = jnp.log(jnp.array([0.5, 0.25, 0.25]))
    assert kept(logits, 1.0, 0, 0.5) == {0}  # enough
    assert kept(logits, 1.0, 0, 0.51) == {0, 1}


def test_of_equal_tokens_the_lower_number_is_taken():
    logits = jnp.zeros(4)
    assert kept(logits, 0.0, 0, 1.0) == kept(logits, 1.0, 1, 1.0) == kept(logits, 1.0, 0, 1e-8) == {0}
    assert kept(logits, 1.0, 3, 1.0) == {0, 1, 2}
    assert kept(logits, 1.0, 0, 0.5) == {0, 1}


@pytest.mark.parametrize("temperature", [0.0, 1e-300, 1e-45, 1e-40, 1e-38, 1e-30, 1e-3])
def test_small_temperatures_do_not_overflow(temperature):
    logits = jnp.array([-1e30, 3e4, 3e4 - 1, -jnp.inf])
    result = np.asarray(filtered(logits, temperature))
    assert result[1] == 0
    assert (result[[0, 2, 3]] < -999).all()  # -1 / T and less: a probability that is 0 in any format


def test_the_largest_temperature_makes_all_equal_that_are_possible():
    # -6 / 3e38 is not 0.
    np.testing.assert_allclose(filtered(jnp.array([1.0, -5.0, -jnp.inf]), 3e38), [0, 0, -np.inf], atol=1e-37)


def test_a_nan_stays_one():
    logits = jnp.array([0.0, jnp.nan, 1.0])
    assert np.isnan(filtered(logits)).all()
    assert np.isnan(filtered(logits, 0.0)).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.5}, "temperature must be at least 0, where the likeliest token is taken, not -0.5."),
        ({"temperature": float("nan")}, "temperature must be a finite number, not nan."),
        ({"temperature": jnp.array(jnp.inf)}, "temperature must be a finite number, not inf."),
        ({"temperature": "hot"}, "temperature must be a finite number, not 'hot'."),
        ({"top_k": -1}, "top_k must be a whole number of at least 0, not -1."),
        ({"top_k": np.float32(2.5)}, "top_k must be a whole number of at least 0, not 2.5."),
        ({"top_p": 0}, "top_p must be a finite number above 0, not 0."),
        ({"top_p": 1.5}, "top_p must be at most 1, where all tokens are kept, not 1.5."),
        ({"top_p": float("nan")}, "top_p must be a finite number above 0, not nan."),
    ],
)
def test_settings_that_are_none_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        filtered_logits(jnp.zeros(V), **settings)
    writer = writers.made("markov")
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        sample(writer.graphdef, writer.params, writer.prompt, KEY, length=L, **settings)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        write(writer.decoder(writer.params), None, KEY, length=L, **settings)


def test_a_length_that_is_none_is_refused():
    writer = writers.made("markov")
    with pytest.raises(ValueError, match="length must be a whole number of at least 1, not 0"):
        sample(writer.graphdef, writer.params, writer.prompt, KEY, length=0)


def by_hand(writer, choose):
    """[L, B], one token after the other, chosen by (key, logits) -> token."""

    def draw(decoder, state, t):
        token = choose(jax.random.fold_in(KEY, t), decoder.logits(state))
        return decoder.step(state, token), token

    @jax.jit
    def written(params):
        decoder = writer.decoder(params)
        return jax.lax.scan(functools.partial(draw, decoder), decoder.state, jnp.arange(L))[1]

    return written(writer.params)


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "sequence", MODELS))
def test_greedy_in_four_ways_and_plain_by_default(name):
    writer = writers.made(name)
    draw = functools.partial(sample, writer.graphdef, writer.params, writer.prompt, length=L)
    likeliest = by_hand(writer, lambda key, logits: jnp.argmax(logits, axis=-1))
    before = _sample._cache_size()
    for settings in ({"top_k": 1}, {"top_p": 1e-8}, {"temperature": 1e-30}, {"temperature": 0.0}, {"temperature": 0}):
        np.testing.assert_array_equal(draw(KEY, **settings), likeliest)

    plain = by_hand(writer, jax.random.categorical)
    np.testing.assert_array_equal(draw(KEY), plain)
    np.testing.assert_array_equal(draw(KEY, temperature=1.0, top_k=V, top_p=1.0), plain)
    assert (plain != likeliest).any()
    # One program for whatever is asked for, and one for a temperature that is a whole number of Python.
    assert _sample._cache_size() <= before + 2


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), [(1.0, 0, 1.0), (0.7, 0, 0.9), (2.0, 3, 1.0)])
def test_draws_fit_the_distribution(temperature, top_k, top_p):
    N = 100_000
    probabilities = [0.1, 0.4, 0.2, 0.3]
    writer = writers.markov([probabilities] * V, [0] * N)
    settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    drawn = sample(writer.graphdef, writer.params, writer.prompt, KEY, length=1, **settings)
    expected = reference(np.log(probabilities), **settings)
    there = expected > 0
    assert there.sum() == (V if (top_k, top_p) == (0, 1) else 3)
    counts = np.bincount(np.asarray(drawn[0]), minlength=V)
    assert counts[~there].sum() == 0
    # At a fixed seed; one right sampler in a thousand would fail with another one.
    assert scipy.stats.chisquare(counts[there], N * expected[there]).pvalue > 1e-3


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "sequence", MODELS))
def test_a_text_in_stretches_is_the_text_at_once(name):
    """Of 3 and 5 tokens, from the state that was left; the decoder is made anew for each."""
    writer = writers.made(name)

    @functools.partial(jax.jit, static_argnames="length")
    def further(params, state, start, length):
        decoder = writer.decoder(params)
        state = decoder.state if state is None else state
        return write(decoder, state, KEY, start=start, length=length, temperature=0.8, top_k=3)

    whole = sample(writer.graphdef, writer.params, writer.prompt, KEY, length=L, temperature=0.8, top_k=3)
    first, state = further(writer.params, None, 0, 3)
    second, _ = further(writer.params, state, 3, 5)
    np.testing.assert_array_equal(jnp.concatenate([first, second]), whole)
    again, _ = further(writer.params, state, 0, 5)
    assert (again != second).any()  # draws are counted from the beginning of the text


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "sequence", ["markov", "sequence"]))
def test_a_prompt_at_once_is_a_prompt_token_by_token(name):
    writer = writers.made(name)

    @jax.jit
    def token_by_token(params, tokens):
        decoder = writer.decoder(params, writer.prompt._replace(inputs=tokens[:1]))
        state = decoder.state
        for token in tokens[1:]:
            state = decoder.step(state, token)
        return write(decoder, state, KEY, length=L)[0]

    at_once = sample(writer.graphdef, writer.params, writer.prompt, KEY, length=L)
    np.testing.assert_array_equal(token_by_token(writer.params, writer.prompt.inputs), at_once)


@pytest.mark.slow
def test_under_jit_and_vmap_the_tokens_are_the_same():
    writer = writers.made("sequence")
    keys = jax.random.split(KEY, 3)

    def draw(key, temperature=1.0):
        return sample(writer.graphdef, writer.params, writer.prompt, key, length=L, temperature=temperature)

    one_by_one = jnp.stack([draw(key) for key in keys])
    assert one_by_one.shape == (3, L, B)
    assert one_by_one.dtype == jnp.int32
    assert (one_by_one[0] != one_by_one[1]).any()
    np.testing.assert_array_equal(jax.jit(jax.vmap(draw))(keys), one_by_one)
    of_temperatures = jax.jit(jax.vmap(draw, in_axes=(None, 0)))(keys[0], jnp.array([0.0, 1.0]))
    np.testing.assert_array_equal(of_temperatures[0], draw(KEY, 0.0))
    np.testing.assert_array_equal(of_temperatures[1], one_by_one[0])


def test_a_model_is_one_or_its_graph_definition_and_parameters_are_a_state_or_plain():
    writer = writers.made("sequence")
    model = nnx.merge(writer.graphdef, writer.params)
    expected = sample(writer.graphdef, writer.params, writer.prompt, KEY, length=L)
    np.testing.assert_array_equal(sample(model, nnx.state(model), writer.prompt, KEY, length=L), expected)
    graphdef, state = nnx.split(model)
    np.testing.assert_array_equal(sample(graphdef, state, writer.prompt, KEY, length=L), expected)


def test_time_runs_as_it_is_handed_over():
    """With zoneout in expectation it is what is drawn of the model that is evaluated so, the same tokens given."""
    writer = writers.made("sequence")
    run = with_zoneout(rnnx.plain_run, 0.5)
    tokens = sample(writer.graphdef, writer.params, writer.prompt, KEY, length=40, run=run)
    whole = Batch(jnp.concatenate([writer.prompt.inputs, tokens[:-1]]), None, None)
    model = nnx.merge(writer.graphdef, writer.params)
    keys = jax.vmap(functools.partial(jax.random.fold_in, KEY))(jnp.arange(40))
    drawn = [
        jax.vmap(jax.random.categorical)(keys, model(whole, by)[len(writer.prompt.inputs) - 1 :])
        for by in (run, rnnx.plain_run)
    ]
    np.testing.assert_array_equal(tokens, drawn[0])
    assert (tokens != drawn[1]).any()


def test_a_model_that_writes_nothing_says_so():
    graphdef, params = nnx.split(nnx.Linear(2, 2, rngs=nnx.Rngs(0)))
    with pytest.raises(ValueError, match="the model Linear writes nothing: it has no `decoder`"):
        sample(graphdef, params, Batch(jnp.zeros((1, 1), int), None, None), KEY, length=1)
