"""Beam search against all that could be written, and against what the model says of its outputs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rnnx.decoding import beam_search, sample
from rnnx.types import Batch, Decoder
from tests.helpers import writers
from tests.helpers.writers import MODELS, B, V
from tests.variants import slow_unless

pytestmark = pytest.mark.xdist_group("decoding")  # the same models write in all of these tests

END = 1
BRUTE_FORCE = slow_unless(
    lambda *case: case in (("encoder_decoder", END), ("markov", None)),
    [*((name, END) for name in MODELS), ("markov", None)],
)


def search(writer, **options):
    return jax.tree.map(np.asarray, beam_search(writer.graphdef, writer.params, writer.prompt, **options))


def written(beams, b, w):
    """An output as a tuple, up to its length."""
    return tuple(beams.tokens[: beams.lengths[b, w], b, w].tolist())


@functools.partial(jax.jit, static_argnames="writer_name")
def log_probabilities(writer_name, params, tokens):
    """ln p of each of tokens [N, L, B] given the prompt and those before, by the model alone; [N, L, B]."""
    writer = writers.made(writer_name, x64=True)

    def of_one(tokens):
        said = jax.nn.log_softmax(writer.said(params, tokens), axis=-1)
        return jnp.take_along_axis(said, tokens[..., None], axis=-1)[..., 0]

    return jax.vmap(of_one)(tokens)


@pytest.mark.parametrize(("name", "end"), BRUTE_FORCE)
def test_a_width_of_all_outputs_is_brute_force(float64, name, end):
    """All of them, the best first, with the scores that the model gives them, for each example."""
    L = 3
    writer = writers.made(name, x64=True)
    beams = search(writer, width=V**L, length=L, end=end)
    outputs = list(writers.outputs(L, end))
    padded = jnp.array([[*output, *[0] * (L - len(output))] for output in outputs], jnp.int32)
    each = log_probabilities(name, writer.params, jnp.repeat(padded[:, :, None], B, axis=2))
    within = np.arange(L) < np.array([len(output) for output in outputs])[:, None]
    scores = np.sum(np.where(within[:, :, None], each, 0), axis=1)  # [outputs, B]
    for b in range(B):
        found = [written(beams, b, w) for w in range(len(outputs))]
        assert sorted(found) == outputs
        expected = [scores[outputs.index(output), b] for output in found]
        # Sums of three logarithms in double precision.
        np.testing.assert_allclose(beams.scores[b, : len(outputs)], expected, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(beams.finished[b, : len(outputs)], [output[-1] == end for output in found])
    assert (np.diff(beams.scores[:, : len(outputs)]) <= 0).all()
    none = np.s_[:, len(outputs) :]  # with an end there are fewer outputs than V^L
    assert len(outputs) == V**L if end is None else len(outputs) < V**L
    assert (beams.scores[none] == -np.inf).all()
    assert not beams.lengths[none].any()
    assert not beams.finished[none].any()


@pytest.mark.parametrize("alpha", [0.6, 1.0, 5.0])
def test_a_length_penalty_is_brute_force_too(float64, alpha):
    """Outputs in the order of Σ ln p / ((5 + n) / 6)^α: all of them, and the best of those that a beam keeps."""
    L, table = 4, np.random.default_rng(5).dirichlet(np.ones(V), V)
    writer = writers.markov(table, [2, 3])
    # The table is in float32, and its rows sum to one as the model computes it.
    log_p = np.asarray(jax.nn.log_softmax(jnp.array(writer.params["table"].get_value(), jnp.float64)))
    for b, first in enumerate([2, 3]):
        scores = {}
        for output in writers.outputs(L, END):
            total = sum(log_p[a, b] for a, b in zip([first, *output], output, strict=False))
            scores[output] = total / ((5 + len(output)) / 6) ** alpha
        beams = search(writer, width=V**L, length=L, end=END, length_penalty=alpha)
        found = [written(beams, b, w) for w in range(len(scores))]
        assert sorted(found) == sorted(scores)
        # Sums of four logarithms of float32.
        np.testing.assert_allclose(beams.scores[b, : len(scores)], [scores[o] for o in found], rtol=1e-5)
        assert (np.diff(beams.scores[b, : len(scores)]) <= 0).all()
        few = search(writer, width=3, length=L, end=END, length_penalty=alpha)
        for w in range(3):
            np.testing.assert_allclose(few.scores[b, w], scores[written(few, b, w)], rtol=1e-5)
        np.testing.assert_allclose(few.scores[b, 0], max(scores.values()), rtol=1e-5)  # which it finds, of so few


def test_a_length_penalty_changes_which_output_is_best():
    """The end at once, .4, against "b" and the end, .6 · .5: longer, and better once its length is allowed for."""
    table = [[1, 0, 0, 0], [0.4, 0, 0.6, 0], [0.5, 0.1, 0.4, 0], [0, 0, 0, 1]]
    writer = writers.markov(table, [A])
    assert written(search(writer, width=2, length=5, end=0), 0, 0) == (0,)
    beams = search(writer, width=2, length=5, end=0, length_penalty=3.0)
    assert written(beams, 0, 0) != (0,)
    n = int(beams.lengths[0, 0])
    total = np.log(0.6) + (n - 2) * np.log(0.4) + np.log(0.5)
    np.testing.assert_allclose(beams.scores[0, 0], total / ((5 + n) / 6) ** 3, rtol=1e-6)  # float32


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "encoder_decoder", ["sequence", "encoder_decoder"]))
def test_a_score_is_the_log_probability_that_the_model_gives_the_output(float64, name):
    L, W = 6, 3
    writer = writers.made(name, x64=True)
    beams = search(writer, width=W, length=L, end=END)
    assert beams.tokens.shape == (L, B, W)
    tokens = jnp.moveaxis(jnp.array(beams.tokens), -1, 0)
    each = np.asarray(log_probabilities(name, writer.params, tokens))  # [W, L, B]
    within = np.arange(L)[:, None] < beams.lengths.T[:, None]
    # Sums of six logarithms in double precision.
    np.testing.assert_allclose(beams.scores, np.sum(np.where(within, each, 0), axis=1).T, rtol=0, atol=1e-12)
    assert (np.diff(beams.scores) <= 0).all()
    assert (np.moveaxis(beams.tokens, 0, -1)[np.arange(L) >= beams.lengths[..., None]] == END).all()
    last = np.take_along_axis(beams.tokens, beams.lengths[None] - 1, axis=0)[0]
    np.testing.assert_array_equal(beams.finished, last == END)
    for b in range(B):
        assert len({written(beams, b, w) for w in range(W)}) == W  # not one of them W times


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "sequence", MODELS))
def test_a_width_of_one_is_greedy(name):
    L = 8
    writer = writers.made(name)
    greedy = np.asarray(sample(writer.graphdef, writer.params, writer.prompt, jax.random.key(0), length=L, top_k=1))
    end = int(greedy[3, 0])
    beams = search(writer, width=1, length=L, end=end)
    for b in range(B):
        expected = greedy[:, b].tolist()
        stop = expected.index(end) + 1 if end in expected else L
        assert written(beams, b, 0) == tuple(expected[:stop])
        assert beams.finished[b, 0] == (end in expected)


@pytest.mark.slow
def test_an_example_by_itself_is_as_in_a_batch():
    """Hypotheses change places in each example by themselves, and a search that is over waits for the others."""
    writer = writers.made("encoder_decoder")
    options = {"width": 3, "length": 7, "end": END}
    beams = search(writer, **options)
    for b in range(B):
        alone = writer._replace(prompt=jax.tree.map(lambda a, b=b: a[:, b : b + 1], writer.prompt))
        by_itself = search(alone, **options)
        np.testing.assert_array_equal(by_itself.tokens[:, 0], beams.tokens[:, b])
        np.testing.assert_array_equal(by_itself.finished[0], beams.finished[b])
        # The same sums of seven logarithms, each of a product of other shape.
        np.testing.assert_allclose(by_itself.scores[0], beams.scores[b], rtol=1e-5)


# Tokens of the tables below: the end, "a", "b", "c".
A, B_, C = 1, 2, 3


def test_what_is_finished_competes_by_its_score():
    """After "a" the end at once, .4, against "b" and the end, .6 · .9; after "b" the end, .9, against all else."""
    table = [[1, 0, 0, 0], [0.4, 0, 0.6, 0], [0.9, 0.1, 0, 0], [0, 0, 0, 1]]
    beams = search(writers.markov(table, [A, B_]), width=2, length=5, end=0)
    assert written(beams, 0, 0) == (B_, 0)  # longer, and better
    assert written(beams, 0, 1) == (0,)
    np.testing.assert_allclose(np.exp(beams.scores[0]), [0.54, 0.4], rtol=1e-6)  # float32
    assert written(beams, 1, 0) == (0,)  # shorter, and better
    assert written(beams, 1, 1) == (A, B_, 0)  # .1 · .6 · .9, better than .1 · .4
    np.testing.assert_allclose(np.exp(beams.scores[1]), [0.9, 0.054], rtol=1e-6)
    assert beams.finished.all()


def test_what_is_finished_is_kept_though_as_many_as_the_width_are_ahead_of_it():
    """The end at once is second, .1; the two that are ahead of it a token later, .45 each, come to less."""
    table = [[1, 0, 0, 0], [0.1, 0, 0.9, 0], [0, 0, 0.5, 0.5], [0.1, 0.3, 0.3, 0.3]]
    beams = search(writers.markov(table, [A]), width=2, length=6, end=0)
    assert written(beams, 0, 0) == (0,)
    assert written(beams, 0, 1) == (B_,) * 6  # in the end
    np.testing.assert_array_equal(beams.finished[0], [True, False])
    np.testing.assert_allclose(np.exp(beams.scores[0]), [0.1, 0.9 / 2**5], rtol=1e-6)


def test_a_search_goes_on_after_as_many_as_its_width_have_ended():
    """At once, .3, and after "b", .7 · .2; "b c" and the end comes later and is better, .7 · .8."""
    table = [[1, 0, 0, 0], [0.3, 0, 0.7, 0], [0.2, 0, 0, 0.8], [1, 0, 0, 0]]
    beams = search(writers.markov(table, [A]), width=2, length=5, end=0)
    assert [written(beams, 0, w) for w in range(2)] == [(B_, C, 0), (0,)]
    assert beams.finished.all()


def test_where_nothing_is_finished_the_best_unfinished_come_back_and_say_so():
    table = [[1, 0, 0, 0], [0, 0, 0.75, 0.25], [0, 0.5, 0, 0.5], [0, 0, 1, 0]]
    beams = search(writers.markov(table, [A]), width=3, length=3, end=0)
    assert not beams.finished.any()
    np.testing.assert_array_equal(beams.lengths, 3)
    np.testing.assert_allclose(np.exp(beams.scores[0]), [0.375, 0.28125, 0.125], rtol=1e-6)
    assert written(beams, 0, 0) == (B_, C, B_)
    assert written(beams, 0, 1) == (B_, A, B_)


def test_what_no_output_is_left_for_has_no_score():
    table = [[1, 0, 0, 0], [0.5, 0, 0.5, 0], [1, 0, 0, 0], [0.25] * 4]
    beams = search(writers.markov(table, [A]), width=4, length=3, end=0)
    np.testing.assert_allclose(np.exp(beams.scores[0]), [0.5, 0.5, 0, 0], rtol=1e-6)
    assert [written(beams, 0, w) for w in range(4)] == [(0,), (B_, 0), (), ()]
    np.testing.assert_array_equal(beams.finished[0], [True, True, False, False])


def test_of_equal_scores_the_lower_tokens_come_first():
    beams = search(writers.markov(np.full((V, V), 0.25), [A]), width=6, length=2)
    assert [written(beams, 0, w) for w in range(6)] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]


class Counting(nnx.Module):
    """As likely as not it ends, at each step; and says which step that is."""

    def __init__(self, said):
        self.said = said

    def decoder(self, batch, run):
        def logits(state):
            jax.debug.callback(self.said, state)
            return jnp.zeros((*state.shape, 2)).at[..., 0].set(1)

        return Decoder(state=jnp.zeros_like(batch.inputs[-1]), step=lambda state, token: state + 1, logits=logits)


def test_a_search_ends_when_nothing_open_can_be_better_and_not_before():
    steps = []
    model = Counting(lambda step: steps.append(int(np.max(step))))
    prompt = Batch(jnp.zeros((1, 1), jnp.int32), None, None)
    beams = beam_search(model, nnx.state(model), prompt, width=2, length=50, end=0)
    jax.effects_barrier()
    # After two steps the best two are finished, of e/(e+1) and e/(e+1)², and the one that is open has 1/(e+1)².
    assert max(steps) == 1
    assert beams.finished.all()
    p = np.e / (np.e + 1)
    np.testing.assert_allclose(np.exp(beams.scores[0]), [p, p * (1 - p)], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width must be a whole number of at least 1, not 0"),
        ({"length": 0}, "length must be a whole number of at least 1, not 0"),
        ({"length_penalty": -0.1}, "length_penalty must be a number of at least 0, not -0.1"),
        ({"length_penalty": float("nan")}, "length_penalty must be a finite number, not nan"),
        ({"end": -1}, "end must be a whole number of at least 0, not -1"),
        ({"end": V}, "end must be one of the 4 tokens, a number below 4, not 4"),
    ],
)
def test_what_is_no_search_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        search(writers.made("markov"), **{"width": 2, "length": 3} | options)


def test_it_runs_under_jit_and_vmap():
    writer = writers.made("markov")
    find = functools.partial(beam_search, writer.graphdef, width=2, length=4, end=END)
    both = jax.tree.map(lambda a: jnp.stack([a, a / 3]), writer.params)
    together = jax.jit(jax.vmap(find, in_axes=(0, None)))(both, writer.prompt)
    for n in range(2):
        alone = find(jax.tree.map(lambda a, n=n: a[n], both), writer.prompt)
        np.testing.assert_array_equal(together.tokens[n], alone.tokens)
        np.testing.assert_allclose(together.scores[n], alone.scores, rtol=1e-5)  # float32, of products of other shape
