"""Writing by score: of all that could be written, what the model holds for likely, found by beam search.

    score(y_1 … y_n) = Σ_t ln p(y_t | prompt, y_1 … y_{t-1}) / ((5 + n) / 6)^α

α is 0 unless a length penalty is asked for, and the score a sum. One above 0 makes up for a sum that is low since it is
long (Wu et al. 2016, "Google's neural machine translation system", who take .6 to .7); with 1 it is nearly a mean.

Of W hypotheses each is extended by each token, and the best W go on. One whose last token is the end is finished, if it
is among the best W of these extensions; the best W finished ones are kept, whatever becomes of the others. Since no
sum grows, the search is over when no open hypothesis would be better than the W-th finished one if it came to the given
length and lost nothing more (Huang, Zhao & Ma 2017, "When to finish?", for W = 1), and else at that length.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from rnnx import checks
from rnnx.decoding._decoder import decoder_of, graph_of
from rnnx.types import Array, Batch, Params, Run
from rnnx.unroll import plain_run


class Beams(NamedTuple):
    """What a beam search found, the best first.

    Where there are fewer different outputs than W the last ones are none: score -inf, length 0.
    """

    tokens: Array
    """[L, B, W], int32, without the prompt; the end at all positions past a length, or -1 where there is no end."""
    scores: Array
    """[B, W]: Σ ln p over the tokens up to the length, nats; divided by what a length penalty makes of that."""
    lengths: Array
    """[B, W]: how many tokens, the end included."""
    finished: Array
    """[B, W]: whether the last of them is the end."""


def beam_search(
    model: nnx.Module | nnx.GraphDef,
    params: Params,
    batch: Batch,
    *,
    width: int,
    length: int,
    end: int | None = None,
    length_penalty: float = 0.0,
    run: Run = plain_run,
) -> Beams:
    """The W best outputs that a search of this width finds; finished or not, they compete by their scores.

    An output is not finished where it has no end within the given length: `Beams.finished` says so. A search of width 1
    is greedy, and one of width V^length finds all outputs there are. Of equal scores the one is the better that was
    finished earlier, else the one that was ahead a token before, else the one of the lower token.

    Compiles once for each model, width, length, end, penalty and shape of the batch.

    Args:
      model, params, batch: as for `rnnx.decoding.sample`.
      width: W.
      length: L, how many tokens at most, the end included.
      end: the token after which an output is finished; `None` where all of them are of the full length.
      length_penalty: α, for outputs of different lengths to compete by; 0 for none.
      run: how time runs, as in the model's own call.

    Raises:
      ValueError: a width or length below 1; a penalty below 0; an end that is not among the tokens; a batch or a model
        that nothing can be written after.

    Cost: each step computes W steps of the decoder and sorts W · V scores for each example; memory W states.

    >>> import jax, rnnx
    >>> task = rnnx.tasks.get("adding")()._replace(vocab_size=5, output_size=5)
    >>> model = rnnx.models.get("sequence")(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
    >>> prompt = rnnx.Batch(inputs=jax.numpy.array([[3, 0], [1, 1]]), targets=None, weights=None)
    >>> beams = beam_search(model, nnx.state(model), prompt, width=3, length=7, end=4)
    >>> beams.tokens.shape, beams.scores.shape
    ((7, 2, 3), (2, 3))
    """
    end = None if end is None else checks.size("end", end, least=0)
    width, length = checks.size("width", width), checks.size("length", length)
    if checks.number("length_penalty", length_penalty) < 0:
        raise ValueError(f"length_penalty must be a number of at least 0, not {length_penalty!r}.")
    return _beam_search(graph_of(model), params, batch, width, length, end, float(length_penalty), run)


class _Search(NamedTuple):
    """Where a search stands; `tokens` of its `Beams` are [B, W, L], so that all arrays are [B, W, …], and scores of the
    open ones, which are all of one length, are sums."""

    step: Array
    state: Any  # of the decoder, after the open hypotheses
    open: Beams
    finished: Beams


@functools.partial(jax.jit, static_argnames=("graphdef", "width", "length", "end", "alpha", "run"))
def _beam_search(
    graphdef: nnx.GraphDef,
    params: Params,
    batch: Batch,
    width: int,
    length: int,
    end: int | None,
    alpha: float,
    run: Run,
) -> Beams:
    decoder = decoder_of(graphdef, params, batch, run)
    # An axis of their own, since a decoder may hold more of each example than its state.
    step = jax.vmap(decoder.step, in_axes=1, out_axes=1)
    logits = jax.vmap(decoder.logits, in_axes=1, out_axes=1)
    of_first = jax.eval_shape(decoder.logits, decoder.state)
    (B, V), W, L = of_first.shape, width, length
    if end is not None and end >= V:
        raise ValueError(f"end must be one of the {V} tokens, a number below {V}, not {end}.")
    end = -1 if end is None else end  # no token is -1
    dtype = np.promote_types(of_first.dtype, np.float32)

    def penalised(sums: Array, n: Array | int) -> Array:
        """Scores, of sums over n tokens."""
        return sums / ((5 + jnp.asarray(n, dtype)) / 6) ** alpha if alpha else sums

    def extended(search: _Search, scores: Array) -> tuple[Beams, Array]:
        """The best W extensions, of scores [B, W, V], and which hypothesis each of them extends."""
        best, at = jax.lax.top_k(scores.reshape(B, W * V), W)
        parent, token = at // V, at % V
        tokens = _picked(search.open.tokens, parent).at[:, :, search.step].set(token)
        return Beams(tokens, best, jnp.full((B, W), search.step + 1), token == end), parent

    def unsettled(search: _Search) -> Array:
        beatable = search.finished.scores[:, -1] < penalised(search.open.scores[:, 0], L)
        return (search.step < L) & jnp.any(beatable)

    def advance(search: _Search) -> _Search:
        log_probabilities = jax.nn.log_softmax(logits(search.state).astype(dtype), axis=-1)
        scores = search.open.scores[:, :, None] + log_probabilities
        reached, _ = extended(search, scores)
        ended = reached._replace(
            scores=jnp.where(reached.finished, penalised(reached.scores, reached.lengths), -jnp.inf)
        )
        going_on, parent = extended(search, jnp.where(jnp.arange(V) == end, -jnp.inf, scores))
        return _Search(
            step=search.step + 1,
            state=step(_picked(search.state, parent), going_on.tokens[:, :, search.step]),
            open=going_on,
            finished=_best_of_both(search.finished, ended),
        )

    nothing = Beams(
        tokens=jnp.full((B, W, L), end, jnp.int32),
        scores=jnp.full((B, W), -jnp.inf, dtype),
        lengths=jnp.zeros((B, W), jnp.int32),
        finished=jnp.zeros((B, W), bool),
    )
    begun = _Search(
        step=jnp.int32(0),
        state=jax.tree.map(lambda leaf: jnp.repeat(leaf[:, None], W, axis=1), decoder.state),
        open=nothing._replace(scores=nothing.scores.at[:, 0].set(0)),  # one hypothesis, and not the same W times
        finished=nothing,
    )
    search = jax.lax.while_loop(unsettled, advance, begun)
    still_open = search.open._replace(scores=penalised(search.open.scores, search.open.lengths))
    found = _best_of_both(search.finished, still_open)
    return found._replace(tokens=jnp.moveaxis(found.tokens, -1, 0))


def _picked(tree: Any, which: Array) -> Any:
    """Of each example the hypotheses of these numbers, of arrays [B, W, …], `which [B, K]` -> [B, K, …]."""
    rows = jnp.arange(len(which))[:, None]
    return jax.tree.map(lambda leaf: leaf[rows, which], tree)


def _best_of_both(first: Beams, second: Beams) -> Beams:
    """The best W of two times W, in order; of equals those that come first."""
    both = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), first, second)
    return _picked(both, jax.lax.top_k(both.scores, first.scores.shape[1])[1])
