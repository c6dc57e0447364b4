"""A cell that looks back at a memory before each of its steps.

    q_t = y_{t-1}                             what the cell gave out last
    e_ts = q_t Q · m_s                        "dot": Luong, Pham & Manning 2015 ("general")
    e_ts = v · tanh(q_t Q + m_s K)            "additive": Bahdanau, Cho & Bengio 2015
    α_t  = softmax_s(e_t)                     exactly 0 where there is no memory
    s_t  = step(s_{t-1}, [x_t, Σ_s α_ts m_s])

Variant: the context enters the cell with its input, as in Bahdanau et al.; y_t is the cell's own. What is looked back
at stands among the parameters, and is set anew for each batch, so that the cell steps like any other.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.combinators import _common
from rnnx.factory import factory
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Params, State


class AttentionParams(NamedTuple):
    """Parameters of `attention`; the last two are of a batch."""

    cell: Params
    query_kernel: Array  # Q [Y, A]
    memory_kernel: Array | None  # K [M, A]; `None` for "dot", where A = M
    score_kernel: Array | None  # v [A]; `None` for "dot"
    memory: Array | None = None  # m [S, B, M]
    memory_bias: Array | None = None  # added to the scores: 0 where there is a memory, -inf where not, [S, B]


@factory
def attention(cell: Cell, memory_size: int, *, score: Literal["dot", "additive"] = "additive") -> Cell:
    """The cell with attention over a memory, whose weighted mean it sees beside its input.

    State and gates are the cell's; it has no form, since what it sees depends on its state. Before it is run,
    `params._replace(memory=…, memory_bias=…)` says what it looks at: see `attended`.

    Args:
      cell: a cell that can be stepped, whose output is a function of its state, unlike that of an LRU.
      memory_size: M, the features of the memory.
      score: "dot" or "additive", with as many hidden units A as the memory has features.

    Raises:
      ValueError: something that is not a cell, or a cell that can't be stepped; a size that is none; an unknown score;
        from `init`, a cell whose output depends on its input too.

    >>> import jax, jax.numpy as jnp, rnnx
    >>> cell = rnnx.attention(rnnx.gru(hidden_size=8), memory_size=6)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> params = attended(params, jnp.ones((7, 2, 6)), lengths=jnp.array([7, 4]))
    >>> rnnx.unroll(cell, params, jnp.ones((5, 2, 3))).outputs.shape
    (5, 2, 8)
    """
    _common.cells("attention", cell)
    if cell.step is None:
        raise ValueError("attention needs a cell that can be stepped, and this one can only be unrolled.")
    step = cell.step
    checks.size("memory_size", memory_size)
    checks.choice("score", score, ("dot", "additive"))
    initializer = initializers.get("glorot_uniform")
    M, additive = memory_size, score == "additive"

    def init(key: Array, input_size: int) -> AttentionParams:
        cell_key, query_key, memory_key, score_key = jax.random.split(key, 4)
        cell_params = cell.init(cell_key, input_size + M)
        if not _common.reads_state_alone(cell, cell_params, input_size + M):
            raise ValueError(
                "attention asks by what the cell gave out last, and the output of this one depends on its input too: "
                "choose another cell, or no attention."
            )
        return AttentionParams(
            cell=cell_params,
            query_kernel=initializer(query_key, cell.output_size, M, 1),
            memory_kernel=initializer(memory_key, M, M, 1) if additive else None,
            score_kernel=initializer(score_key, M, 1, 1)[:, 0] if additive else None,
        )

    def seen(params: AttentionParams, state: State, x: Array) -> Array:
        weights = attention_weights(params, cell.read(params.cell, state, x))
        return jnp.concatenate([x, jnp.einsum("...bs,sbm->...bm", weights, params.memory)], axis=-1)

    def gates(params: AttentionParams, state: State, x: Array) -> dict[str, Array]:
        assert cell.gates is not None
        return cell.gates(params.cell, state, seen(params, state, x))

    return Cell(
        init=init,
        initial_state=lambda params, batch_shape: cell.initial_state(params.cell, batch_shape),
        step=lambda params, state, x: step(params.cell, state, seen(params, state, x)),
        read=lambda params, state, x: cell.read(params.cell, state, x),
        output_size=cell.output_size,
        gates=None if cell.gates is None else gates,
    )


def attention_weights(params: AttentionParams, before: Array) -> Array:
    """How much a cell with attention looks at each place of its memory, α_t.

    Args:
      params: with what is looked at, `memory [S, B, M]`.
      before: what the cell gave out the step before, y_{t-1}, `[..., B, Y]`.

    Returns:
      `[..., B, S]`, which sums to one over S; exactly 0 where there is no memory.

    Raises:
      ValueError: there is nothing to look at.

    >>> import jax, jax.numpy as jnp, rnnx
    >>> cell = rnnx.attention(rnnx.gru(hidden_size=8), memory_size=6)
    >>> params = attended(cell.init(jax.random.key(0), 3), jnp.ones((4, 2, 6)), lengths=jnp.array([4, 2]))
    >>> attention_weights(params, jnp.zeros((2, 8)))
    Array([[0.25, 0.25, 0.25, 0.25],
           [0.5 , 0.5 , 0.  , 0.  ]], dtype=float32)
    """
    memory, bias = params.memory, params.memory_bias
    if memory is None:
        raise ValueError("attention has nothing to look at; set it by rnnx.combinators.attention.attended.")
    query = matmul_rows(before, params.query_kernel)
    if params.memory_kernel is None or params.score_kernel is None:
        scores = jnp.einsum("...bm,sbm->...bs", query, memory)
    else:
        hidden = jnp.tanh(query[..., None, :] + jnp.swapaxes(matmul_rows(memory, params.memory_kernel), 0, 1))
        scores = matmul_rows(hidden, params.score_kernel[:, None])[..., 0]
    return jax.nn.softmax(scores if bias is None else scores + bias.T, axis=-1)


def attended(params: AttentionParams, memory: Array, *, lengths: Array | None = None) -> AttentionParams:
    """The parameters with what is to be looked at, `memory [S, B, M]`, up to each example's length `[B]`.

    An example of length 0 looks at what it must not see with a weight, since weights sum to one; it is to have no other
    use either.
    """
    bias = None
    if lengths is not None:
        S, B = memory.shape[:2]
        lengths = checks.whole_numbers("lengths", lengths, (B,))
        there = jnp.arange(S, dtype=lengths.dtype)[:, None] < jnp.maximum(lengths, 1)
        bias = jnp.where(there, 0, -jnp.inf).astype(memory.dtype)
    return params._replace(memory=memory, memory_bias=bias)
