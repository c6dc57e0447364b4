"""The n-gram model: the probabilities that the formulas give, and that it runs as any recurrent network does."""

import functools
import itertools
from collections import Counter, defaultdict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.diagnostics import measured
from rnnx.models.ngram import Ngram, counted
from rnnx.training.optimizers import Hyperparameters
from rnnx.training.program import applying, measured_flows, program
from rnnx.training.runs import carried, execution
from rnnx.types import Batch
from tests.helpers import compiled
from tests.helpers.text_task import markov, text_task
from tests.variants import slow_unless

V = 7
TEXT = markov(150, V)
TASK = text_task(TEXT, V)
SMOOTHINGS = ("kneser_ney", "witten_bell")
# Of the tables in float32: a probability is a sum of at most six terms, each rounded a few times by 6e-8.
ROUNDED = 1e-6


def made(order=3, smoothing="kneser_ney", task=TASK):
    """The model as a pure function, and its parameters."""
    model = functools.partial(Ngram, rnnx.gru(4), task, order=order, smoothing=smoothing)
    return applying(model), compiled.params(model)


def reference(text, V, order, smoothing):
    """(context, token) -> probability, by the formulas, with dictionaries."""
    text = text.tolist()
    grams = {k: [tuple(text[i : i + k]) for i in range(len(text) - k + 1)] for k in range(1, order + 1)}
    followers, discounts = {}, {}
    for k in grams:
        by_continuation = smoothing == "kneser_ney" and k < order
        counts = Counter(gram[1:] for gram in set(grams[k + 1])) if by_continuation else Counter(grams[k])
        followers[k] = defaultdict(dict)
        for (*context, w), count in counts.items():
            followers[k][tuple(context)][w] = count
        n = Counter(counts.values())
        discounts[k] = n[1] / (n[1] + 2 * n[2]) if n[1] else 0.5

    def p(context, w):
        lower = p(context[1:], w) if context else 1 / V
        after = followers[len(context) + 1].get(context)
        if after is None:
            return lower
        count, total, kinds = after.get(w, 0), sum(after.values()), len(after)
        if smoothing == "witten_bell":
            return (count + kinds * lower) / (total + kinds)
        D = discounts[len(context) + 1]
        return max(count - D, 0) / total + D * kinds / total * lower

    return lambda context, w: p(tuple(context)[max(len(context) - order + 1, 0) :], w)


@pytest.mark.parametrize(
    ("order", "smoothing"),
    slow_unless(
        lambda *case: case in ((1, "kneser_ney"), (3, "witten_bell"), (4, "kneser_ney")),
        itertools.product(range(1, 7), SMOOTHINGS),
    ),
)
def test_probabilities_are_those_of_the_formulas_and_sum_to_one(order, smoothing):
    """After contexts of the text, of other tokens (one of which the text does not have), and not long enough."""
    apply, params = made(order, smoothing)
    inputs = np.stack([TEXT[20:28], np.arange(8) % V, np.full(8, V - 1), TEXT[-8:]], axis=1)
    log_p = jax.jit(lambda params: apply(params, Batch(inputs, None, None), rnnx.plain_run))(params)
    p = reference(TEXT, V, order, smoothing)
    expected = [[[p(inputs[: t + 1, b].tolist(), w) for w in range(V)] for b in range(4)] for t in range(8)]
    np.testing.assert_allclose(np.exp(log_p), expected, rtol=ROUNDED)
    np.testing.assert_allclose(np.exp(log_p).sum(-1), 1, rtol=ROUNDED)
    assert (np.asarray(expected) > 0).all()


@pytest.mark.parametrize(
    ("smoothing", "expected"),
    [
        # a b a b a c: ab and ba twice and ac once, so D = 1 / (1 + 2 · 2), and of a there are 3. Of single tokens each
        # comes after one other: D = 1, and all of four have 1/4.
        ("kneser_ney", [2 / 15 / 4, (2 - 1 / 5) / 3 + 2 / 15 / 4, (1 - 1 / 5) / 3 + 2 / 15 / 4, 2 / 15 / 4]),
        # Of single tokens 3, 2 and 1 of 6, which are three kinds: (3 + 3/4) / 9, …
        ("witten_bell", [2 * 3.75 / 9 / 5, (2 + 2 * 2.75 / 9) / 5, (1 + 2 * 1.75 / 9) / 5, 2 * 0.75 / 9 / 5]),
    ],
)
def test_a_text_small_enough_to_count_by_hand(smoothing, expected):
    apply, params = made(2, smoothing, text_task(np.array([0, 1, 0, 1, 0, 2]), 4))
    log_p = apply(params, Batch(jnp.array([[0]]), None, None), rnnx.plain_run)
    np.testing.assert_allclose(np.exp(log_p[0, 0]), expected, rtol=ROUNDED)


@pytest.mark.parametrize("smoothing", slow_unless(lambda smoothing: smoothing == "kneser_ney", SMOOTHINGS))
def test_without_enough_text_the_shorter_contexts_say_all(smoothing):
    """Of no token, of one, of fewer than n; and of one that never occurs once, of which Kneser-Ney has no discount."""
    inputs = Batch(jnp.array([[0], [0], [1]]), None, None)
    for text in ([], [0], [0, 1, 0], [0, 0, 1, 1] * 5):
        tokens = np.array(text, np.int32)
        apply, params = made(4, smoothing, text_task(tokens, 3))
        p = reference(tokens, 3, 4, smoothing) if text else lambda context, w: 1 / 3
        log_p = jax.jit(lambda params, apply=apply: apply(params, inputs, rnnx.plain_run))(params)
        expected = [[p([0, 0, 1][: t + 1], w) for w in range(3)] for t in range(3)]
        np.testing.assert_allclose(np.exp(log_p[:, 0]), expected, rtol=ROUNDED)


def test_many_tokens_after_one_context_are_all_added():
    """More than one block of them, of contexts of which others have few."""
    tokens = np.array([t for w in range(1, 200) for t in (0, w)], np.int32)
    apply, params = made(2, "witten_bell", text_task(tokens, 200))
    log_p = jax.jit(lambda params: apply(params, Batch(jnp.array([[0, 3]]), None, None), rnnx.plain_run))(params)
    p = reference(tokens, 200, 2, "witten_bell")
    np.testing.assert_allclose(np.exp(log_p[0]), [[p([c], w) for w in range(200)] for c in (0, 3)], rtol=ROUNDED)


def test_the_context_is_the_state_in_which_the_chunk_before_ended():
    """Log-probabilities by chunks with the state carried, as of the whole; an example that begins anew has none."""
    apply, params = made()
    goes_on, anew = TEXT[:20], TEXT[20:40]
    whole = np.stack([goes_on, anew, np.r_[anew[10:], anew[:10]]], axis=1)
    at_once = np.asarray(jax.jit(lambda params: apply(params, Batch(whole, None, None), rnnx.plain_run))(params))

    @jax.jit
    def chunk(params, inputs, states, restarts):
        ended = {}
        outputs = apply(params, Batch(inputs, None, None), carried(rnnx.plain_run, states, restarts, ended))
        return outputs, ended

    _, states = chunk(params, whole[10:, :2], None, np.array([True, True]))
    first, states = chunk(params, whole[:10, :2], states, np.array([True, True]))
    second, _ = chunk(params, whole[10:, :2], states, np.array([False, True]))
    np.testing.assert_array_equal(first, at_once[:10, :2])
    np.testing.assert_array_equal(second[:, 0], at_once[10:, 0])
    np.testing.assert_array_equal(second[:, 1], at_once[:10, 2])
    assert (second[0, 1] != at_once[10, 1]).any()


def test_the_state_after_a_prompt_is_its_end():
    model = Ngram(rnnx.gru(4), TASK, order=4, rngs=nnx.Rngs(0))
    prompt = Batch(jnp.array([[1, 2], [3, 4], [5, 0], [6, 0]]), None, None, jnp.array([4, 2]))
    decoder = model.decoder(prompt)
    np.testing.assert_array_equal(decoder.state.tokens, [[3, 5, 6], [V, 2, 4]])
    np.testing.assert_array_equal(decoder.step(decoder.state, jnp.array([0, 1])).tokens, [[5, 6, 0], [2, 4, 1]])


@pytest.mark.parametrize(("optimizer", "order"), [("adam", 2), pytest.param("sgd", 1, marks=pytest.mark.slow)])
def test_training_changes_no_count(optimizer, order):
    p = program(
        functools.partial(Ngram, rnnx.gru(4), TASK, order=order),
        TASK,
        length=4,
        batch_size=3,
        steps_per_dispatch=2,
        measure_batch_size=2,
        diagnostics=(),
        optimizer=optimizer,
    )
    before = p.init(0)
    kept = jax.tree.map(np.array, before.params)
    after, metrics = p.train(before, Hyperparameters(seed=0, learning_rate=0.1, clip_norm=1.0))
    jax.tree.map(np.testing.assert_array_equal, after.params, kept)
    assert int(after.step) == 2
    assert np.isfinite(metrics.loss).all()
    np.testing.assert_array_equal(metrics.gradient_norm, 0)


def test_of_a_gradient_that_is_zero_every_diagnostic_says_so():
    """-inf for its logarithm, no NaN but where there is nothing to tell a rate or a horizon of."""
    from experiments.config import default

    apply, params = made(1)
    batch = compiled.sample(TASK.sample, jax.random.key(0), 3, 6)
    tags = jax.jit(lambda params: measured(default().diagnostics, measured_flows(apply, TASK, params, batch)[1]))(
        params
    )
    without = [tag for tag, value in tags.items() if any(np.isnan(leaf).any() for leaf in jax.tree.leaves(value))]
    assert {tag.rpartition("/")[2] for tag in without} == {"decay_rate", "horizon", "reach", "exploding"}
    assert (tags["input_gradient/log10_norm"] == -np.inf).all()
    assert tags["weight_gradient/before/log10_norm"] == -np.inf


def test_tokens_that_bfloat16_cannot_tell_apart_are_refused():
    for V, text in ((256, [0, 255]), (257, [0, 256])):
        apply, params = made(2, task=text_task(np.array(text), V))
        run = execution("bfloat16")(rnnx.plain_run)
        batch = Batch(jnp.array([[V - 1], [0]]), None, None)
        if V == 256:
            np.testing.assert_array_equal(apply(params, batch, run), apply(params, batch, rnnx.plain_run))
            continue
        with pytest.raises(ValueError, match=r"257 tokens.*no more than 256.*precision to 'float32'"):
            apply(params, batch, run)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        (TASK, {"order": 0}, r"^order must be a whole number of at least 1, not 0\.$"),
        (TASK, {"order": 7}, r"^order must be a whole number below 7, not 7\.$"),
        (TASK, {"smoothing": "kneser_nay"}, r"^no smoothing named 'kneser_nay'; did you mean 'kneser_ney'\?"),
        (TASK._replace(train_tokens=None), {}, "counts a text of the tokens that it predicts, and this task has none"),
        (TASK._replace(output_size=2), {}, "counts a text of the tokens that it predicts, and this task has none"),
    ],
)
def test_what_cannot_be_counted_is_refused(task, options, message):
    with pytest.raises(ValueError, match=message):
        Ngram(rnnx.gru(4), task, rngs=nnx.Rngs(0), **options)


def test_a_text_of_more_n_grams_than_can_be_numbered_is_refused(monkeypatch):
    monkeypatch.setattr("rnnx.models.ngram._EXACT", 40)
    with pytest.raises(ValueError, match=r"can number 40 n-grams .* of 3 tokens: set order to 2, or take less"):
        counted.__wrapped__(TEXT.tobytes(), V, 4, "kneser_ney")


def test_equal_texts_are_counted_once():
    tables = [counted(TEXT.copy().tobytes(), V, 3, "kneser_ney") for _ in range(2)]
    assert tables[0] is tables[1]
