"""The n-gram language model: a recurrent network whose state is the last n - 1 tokens.

    s_t = (s_{t-1} without its oldest token, x_t)     y_t = log p_n(· | s_t)

Nothing is learned but counts. With c the last k - 1 tokens, c' those without the oldest, C(c) = Σ_w C(c w) and N(c) the
number of different w that come after c:

    Kneser-Ney     p_k(w | c) = max(C(c w) - D_k, 0) / C(c)  +  D_k N(c) / C(c) p_{k-1}(w | c')
    Witten-Bell    p_k(w | c) = (C(c w) + N(c) p_{k-1}(w | c')) / (C(c) + N(c))

from p_0 = 1 / V up to p_n, and p_k = p_{k-1} where C(c) = 0, as of contexts that are unknown or not long enough. C says
how often c w occurs; of Kneser-Ney at k < n, after how many different tokens it does. D_k = n_1 / (n_1 + 2 n_2), where
n_i of those C are i, and 1/2 where n_1 = 0, so that something is always left for what never occurred.

Variant: both interpolated, as in Chen & Goodman 1999, with one discount for each k; before the first token of the text
there is nothing.
"""

import functools
import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from rnnx import checks
from rnnx.factory import factory
from rnnx.types import Array, Batch, Cell, Decoder, Run, Task
from rnnx.unroll import plain_run

_EXACT = 2**24
"""Up to which float32 has every whole number."""

_BLOCK = 64
"""How many tokens are added at a time to the distribution after each context."""


class Continuations(NamedTuple):
    """What comes after each n-gram of one length, C of them; E n-grams one longer, in the order of those and of tokens.

    The number of such a longer one is its place here. A number after the last, C or E, is that of all which never
    occurred, and has nothing after it. Whole numbers are floats, as training asks for the gradient of all parameters.
    """

    starts: Array
    """[C + 2], where those of each n-gram begin."""
    tokens: Array
    """[E + 1], the last token of each."""
    shares: Array
    """[E + 1], what each has of the probability by itself: the first term of p_k."""
    left: Array
    """[C + 1], what is left of it for all tokens: the factor of p_{k-1}."""


class Tables(NamedTuple):
    """All that an n-gram model has counted."""

    unigram: Array
    """[V], p_1."""
    after: tuple[Continuations, ...]
    """Of the n-grams of 1, 2, … n - 1 tokens; the number of a single one is the token."""


class HistoryParams(NamedTuple):
    """Parameters of `history`."""

    before: Array  # [n - 1], what stands before the first token: the number after the last


class HistoryState(NamedTuple):
    """State of `history`."""

    tokens: Array  # [..., n - 1], the latest one at the end


class Ngram(nnx.Module):
    """Counts of the text that a task has to train on, and the probabilities that they give.

    Outputs are log-probabilities, each distribution with a sum of 1. The recurrent part, called `cell`, has the last
    n - 1 tokens as its state, and one where n = 1, though nobody looks at it. Counts and probabilities are parameters
    whose gradient is exactly zero: training changes none of them, but for the weight decay of `adamw`, and one step of
    it will do; `sgd` keeps no copies of them. Dropout and zoneout, which would make other tokens of those in the state,
    are not for it.

    Args:
      cell: not used.
      task: what it is for; one with `train_tokens`.
      order: n, 1 … 6.
      smoothing: how what was seen makes room for what was not.
      rngs: not used, as nothing is drawn.

    Raises:
      ValueError: another order; unknown smoothing; a task without a text of the tokens that are predicted; a text with
        more than 2²⁴ different n-grams of a length; when called, bfloat16 for more than 256 tokens.

    >>> import jax, numpy, rnnx
    >>> task = rnnx.tasks.get("adding")()._replace(vocab_size=4, output_size=4)
    >>> task = task._replace(train_tokens=lambda: numpy.array([0, 1, 0, 1, 0, 2]))
    >>> model = Ngram(rnnx.gru(hidden_size=8), task, order=2, rngs=nnx.Rngs(0))
    >>> batch = rnnx.Batch(inputs=jax.numpy.array([[0]]), targets=None, weights=None)
    >>> [round(float(p), 4) for p in jax.numpy.exp(model(batch))[0, 0]]  # after a 0
    [0.0333, 0.6333, 0.3, 0.0333]
    """

    def __init__(
        self,
        cell: Cell,
        task: Task,
        *,
        order: int = 5,
        smoothing: Literal["kneser_ney", "witten_bell"] = "kneser_ney",
        rngs: nnx.Rngs,
    ):
        order = checks.size("order", order, below=7)
        checks.choice("smoothing", smoothing, ("kneser_ney", "witten_bell"))
        if task.train_tokens is None or task.vocab_size is None or task.vocab_size != task.output_size:
            raise ValueError("the model 'ngram' counts a text of the tokens that it predicts, and this task has none.")
        text = np.asarray(task.train_tokens(), np.int32).tobytes()
        self.history = history(max(order - 1, 1), task.vocab_size)
        self.cell = nnx.Param(self.history.init(rngs.params(), 1))
        self.tables = nnx.Param(jax.tree.map(jnp.asarray, counted(text, task.vocab_size, order, smoothing)))

    def __call__(self, batch: Batch, run: Run = plain_run) -> Array:
        """Log-probabilities `[T, B, V]` of the next token, of a batch whose inputs are tokens `[T, B]`."""
        params = self.cell.get_value()
        trajectory = run("cell", self.history, params, self._numbers(batch.inputs), lengths=batch.lengths)
        return self._log_probabilities(trajectory.outputs)

    def decoder(self, batch: Batch, run: Run = plain_run) -> Decoder:
        """What goes on writing after the tokens of a batch; targets are not read."""
        params, step = self.cell.get_value(), self.history.step
        assert step is not None
        read = run("cell", self.history, params, self._numbers(batch.inputs), lengths=batch.lengths)
        return Decoder(
            state=read.final_state,
            step=lambda state, token: step(params, state, self._numbers(token)),
            logits=lambda state: self._log_probabilities(state.tokens),
        )

    def _numbers(self, tokens: Array) -> Array:
        """Tokens `[…]` as inputs of the cell, `[…, 1]`."""
        return tokens[..., None].astype(self.cell.get_value().before.dtype)

    def _log_probabilities(self, contexts: Array) -> Array:
        """log p_n(· | c) after contexts `[…, n - 1]`, the latest token at their end: `[…, V]`."""
        tables: Tables = jax.lax.stop_gradient(self.tables.get_value())
        *leading, longest = contexts.shape
        c = contexts.astype(jnp.int32).reshape(math.prod(leading), longest)
        p = jnp.broadcast_to(tables.unigram, (len(c), *tables.unigram.shape))
        for length, after in enumerate(tables.after, start=1):
            number = c[:, longest - length]
            for shorter, place in zip(tables.after, range(longest - length + 1, longest), strict=False):
                number = _longer(shorter, number, c[:, place], tables.unigram.size)
            p = _interpolated(after, number, p)
        return jnp.log(p).reshape(*leading, *tables.unigram.shape)


@factory
def history(length: int, vocab_size: int) -> Cell:
    """The cell whose state, and output, is the last inputs.

    >>> import rnnx
    >>> cell = history(2, vocab_size=5)
    >>> rnnx.unroll(cell, cell.init(jax.random.key(0), 1), jnp.array([[3.0], [1.0], [4.0]])).outputs
    Array([[5., 3.], [3., 1.], [1., 4.]], dtype=float32)
    """

    def init(key: Array, input_size: int) -> HistoryParams:
        return HistoryParams(jnp.full(length, float(vocab_size)))

    def initial_state(params: HistoryParams, batch_shape: tuple[int, ...]) -> HistoryState:
        return HistoryState(jnp.broadcast_to(params.before, (*batch_shape, length)))

    def step(params: HistoryParams, state: HistoryState, x: Array) -> HistoryState:
        exact = 2 ** (jnp.finfo(x.dtype).nmant + 1)
        if vocab_size > exact:
            raise ValueError(
                f"the model 'ngram' has the numbers of {vocab_size} tokens in its state, and {x.dtype} tells no more "
                f"than {exact} apart: set precision to 'float32'."
            )
        return HistoryState(jnp.concatenate([state.tokens, x], axis=-1)[..., 1:])

    return Cell(init, initial_state, step, read=lambda params, state, x: state.tokens, output_size=length)


def _longer(after: Continuations, number: Array, token: Array, V: int) -> Array:
    """The numbers `[R]` of the n-grams that these tokens make of these n-grams, by binary search."""
    low, end = (after.starts[at].astype(jnp.int32) for at in (number, number + 1))

    def halve(_: int, between: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = between
        middle = (low + high) // 2
        below = (low < high) & (after.tokens[middle].astype(jnp.int32) < token)
        return jnp.where(below, middle + 1, low), jnp.where(below, high, middle)

    low, _ = jax.lax.fori_loop(0, V.bit_length(), halve, (low, end))
    there = (low < end) & (after.tokens[low].astype(jnp.int32) == token)
    return jnp.where(there, low, after.tokens.size - 1)


def _interpolated(after: Continuations, number: Array, p: Array) -> Array:
    """p_k `[R, V]` from p_{k-1}, after the contexts of these numbers `[R]`."""
    start, end = (after.starts[at].astype(jnp.int32)[:, None] for at in (number, number + 1))
    rows = jnp.arange(len(number), dtype=jnp.int32)[:, None]

    def add(block: Array, p: Array) -> Array:
        entry = start + block * _BLOCK + jnp.arange(_BLOCK, dtype=jnp.int32)
        token = jnp.where(entry < end, after.tokens[entry].astype(jnp.int32), p.shape[1])  # which is dropped
        return p.at[rows, token].add(after.shares[entry], mode="drop")

    # As far as one of these contexts goes: after a frequent word come a hundred times as many as after most.
    blocks = -(-jnp.max(end - start, initial=0) // _BLOCK)
    return jax.lax.fori_loop(0, blocks, add, after.left[number][:, None] * p)


@functools.lru_cache(maxsize=4)
def counted(text: bytes, V: int, order: int, smoothing: str) -> Tables:
    """The tables of a text, int32 tokens below V, as arrays of NumPy in float32.

    Raises:
      ValueError: more different n-grams of a length than float32 can number.

    >>> after = counted(np.array([0, 1, 0, 2], np.int32).tobytes(), V=3, order=2, smoothing="witten_bell").after[0]
    >>> after.starts, after.tokens[:-1]  # 1 and 2 come after 0, and 0 after 1
    (array([0., 2., 3., 3., 3.], dtype=float32), array([1., 2., 0.], dtype=float32))
    """
    tokens = np.frombuffer(text, np.int32).astype(np.int64)
    number, size = tokens, V  # that of the n-gram which ends at each place; how many there are
    levels = [_Counts(1, np.zeros(V, np.int64), np.arange(V), np.bincount(tokens, minlength=V))]
    for length in range(2, order + 1):
        different, first, longer, counts = np.unique(
            number[:-1] * V + tokens[length - 1 :], return_index=True, return_inverse=True, return_counts=True
        )
        if len(different) >= _EXACT:
            raise ValueError(
                f"the model 'ngram' can number {_EXACT} n-grams of a length, and this text has {len(different)} of "
                f"{length} tokens: set order to {length - 1}, or take less of the text."
            )
        if smoothing == "kneser_ney":  # each has another token before those that it ends with
            levels[-1] = levels[-1]._replace(counts=np.bincount(number[1:][first], minlength=size))
        levels.append(_Counts(size, different // V, different % V, counts))
        number, size = longer, len(different)
    (shares, left), *longer_ones = (_smoothed(level, smoothing) for level in levels)
    unigram: Any = (shares + left / V).astype(np.float32)
    after = (
        Continuations(
            starts=_and_last(np.searchsorted(level.contexts, np.arange(level.size + 1)), len(level.contexts)),
            tokens=_and_last(level.tokens, V),
            shares=_and_last(shares, 0),
            left=_and_last(left, 1),
        )
        for level, (shares, left) in zip(levels[1:], longer_ones, strict=True)
    )
    return Tables(unigram, tuple(after))


def _and_last(values: np.ndarray, last: float) -> Any:
    """The values, and that of the number after the last, in float32."""
    return np.append(values, last).astype(np.float32)


class _Counts(NamedTuple):
    """How often tokens come after contexts of one length, sorted by both."""

    size: int
    """How many contexts there are."""
    contexts: np.ndarray
    """[E]."""
    tokens: np.ndarray
    """[E]."""
    counts: np.ndarray
    """[E], C(c w)."""


def _smoothed(level: _Counts, smoothing: str) -> tuple[np.ndarray, np.ndarray]:
    """What tokens have of the probability after their contexts, `[E]`, and what is left, a factor of p_{k-1}, `[C]`."""
    _, contexts, _, counts = level
    if smoothing == "kneser_ney":
        once, twice = (np.count_nonzero(counts == times) for times in (1, 2))
        others = np.minimum(counts, once / (once + 2 * twice) if once else 0.5)
        own = counts - others
    else:
        others, own = counts > 0, counts
    left = np.bincount(contexts, others, level.size)
    total = np.bincount(contexts, own, level.size) + left
    unknown = total == 0
    total[unknown] = left[unknown] = 1
    return own / total[contexts], left / total
