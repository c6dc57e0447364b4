"""The two attentions of DA-RNN, both within the recurrence, which ask by the whole state of the cell.

    α_t = softmax_k(v · tanh(s_{t-1} W + m_k U))      s = [h; c] of an LSTM

    input_attention       s_t = step(s_{t-1}, α_t ⊙ x_t)                      m_k: a whole window of the k-th input
    temporal_attention    z_t = Σ_k α_tk m_k                                  m_k: what an encoder gave out at step k
                          s_t = step(s_{t-1}, [x_t; z_{t-1}] w + b)           y_t = [what the cell gives out; z_t]

z_{t-1} is made of s_{t-2}, which is carried along; before the first step it is s_0 too.

Qin, Song, Chen, Cheng, Jiang & Cottrell 2017. The score is the additive one of `rnnx.attention`, whose question is
what the cell gave out last. What is looked at stands among the parameters, and is set anew for each batch, so that
these cells step like any other.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.combinators import _common
from rnnx.combinators.attention import AttentionParams, attention_weights
from rnnx.dynamics.jacobians import Flat
from rnnx.factory import factory
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Params, State


class ByStateParams(NamedTuple):
    """Parameters of a cell that looks at a memory by its state; the last one is of a batch."""

    cell: Params
    query_kernel: Array  # W [S, M], of S numbers of the state
    memory_kernel: Array  # U [M, M]
    score_kernel: Array  # v [M]
    mix_kernel: Array | None = None  # w [I + M, I]; `None` of `input_attention`
    mix_bias: Array | None = None  # b [I]
    memory: Array | None = None  # m [K, B, M]


class DelayedState(NamedTuple):
    """State of `temporal_attention`."""

    cell: State  # s_t
    previous: State  # s_{t-1}


def weights_by_state(params: ByStateParams, before: State, axes: int) -> Array:
    """How much is looked at each place of the memory in a step.

    Args:
      params: with what is looked at, `memory [K, B, M]`.
      before: the state before the step, `[..., B, …]`.
      axes: how many leading axes that has, B among them.

    Returns:
      `[..., B, K]`, which sums to one over K.

    Raises:
      ValueError: there is nothing to look at.
    """
    state = before.previous if isinstance(before, DelayedState) else before
    scored = AttentionParams(params.cell, params.query_kernel, params.memory_kernel, params.score_kernel, params.memory)
    return attention_weights(scored, Flat(state, batch_axes=axes).pack(state))


@factory
def input_attention(cell: Cell, memory_size: int) -> Cell:
    """The cell that weighs its inputs before each step, I of them, by a window of M steps of each.

    Args:
      cell: a cell that can be stepped, whose output is a function of its state.
      memory_size: M.

    Raises:
      ValueError: another cell; from `init`, one whose output depends on its input too.

    >>> import jax, jax.numpy as jnp, rnnx
    >>> cell = input_attention(rnnx.lstm(hidden_size=8), memory_size=5)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jnp.ones((5, 2, 3))
    >>> rnnx.unroll(cell, params._replace(memory=xs.transpose(2, 1, 0)), xs).outputs.shape
    (5, 2, 8)
    """
    step = _stepped("input_attention", cell)
    M = checks.size("memory_size", memory_size)

    def init(key: Array, input_size: int) -> ByStateParams:
        cell_key, own_key = jax.random.split(key)
        return _init(own_key, cell, cell.init(cell_key, input_size), input_size, M)

    def seen(params: ByStateParams, state: State, x: Array) -> Array:
        return weights_by_state(params, state, x.ndim - 1) * x

    def gates(params: ByStateParams, state: State, x: Array) -> dict[str, Array]:
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


@factory
def temporal_attention(cell: Cell, memory_size: int) -> Cell:
    """The cell that is given the mean of a memory beside its input, as it looked at it a step before.

    Its outputs are those of the cell, and beside them what it looks at next, M numbers.

    Args:
      cell: a cell that can be stepped, whose output is a function of its state.
      memory_size: M, the features of the memory.

    Raises:
      ValueError: another cell; from `init`, one whose output depends on its input too.

    >>> import jax, jax.numpy as jnp, rnnx
    >>> cell = temporal_attention(rnnx.lstm(hidden_size=8), memory_size=6)
    >>> params = cell.init(jax.random.key(0), 1)
    >>> rnnx.unroll(cell, params._replace(memory=jnp.ones((5, 2, 6))), jnp.ones((5, 2, 1))).outputs.shape
    (5, 2, 14)
    """
    step = _stepped("temporal_attention", cell)
    M = checks.size("memory_size", memory_size)

    def init(key: Array, input_size: int) -> ByStateParams:
        cell_key, mix_key, own_key = jax.random.split(key, 3)
        return _init(own_key, cell, cell.init(cell_key, input_size), input_size, M)._replace(
            mix_kernel=initializers.get("glorot_uniform")(mix_key, input_size + M, input_size, 1),
            mix_bias=jnp.zeros(input_size),
        )

    def initial_state(params: ByStateParams, batch_shape: tuple[int, ...]) -> DelayedState:
        state = cell.initial_state(params.cell, batch_shape)
        return DelayedState(state, state)

    def seen(params: ByStateParams, state: DelayedState, x: Array) -> Array:
        weights = weights_by_state(params, state, x.ndim - 1)
        return jnp.einsum("...bk,kbm->...bm", weights, params.memory)

    def mixed(params: ByStateParams, state: DelayedState, x: Array) -> Array:
        kernel, bias = params.mix_kernel, params.mix_bias
        assert kernel is not None
        assert bias is not None
        return matmul_rows(jnp.concatenate([x, seen(params, state, x)], axis=-1), kernel) + bias

    def read(params: ByStateParams, state: DelayedState, x: Array) -> Array:
        return jnp.concatenate([cell.read(params.cell, state.cell, x), seen(params, state, x)], axis=-1)

    def gates(params: ByStateParams, state: DelayedState, x: Array) -> dict[str, Array]:
        assert cell.gates is not None
        return cell.gates(params.cell, state.cell, mixed(params, state, x))

    return Cell(
        init=init,
        initial_state=initial_state,
        step=lambda params, state, x: DelayedState(step(params.cell, state.cell, mixed(params, state, x)), state.cell),
        read=read,
        output_size=cell.output_size + M,
        gates=None if cell.gates is None else gates,
    )


def _stepped(name: str, cell: Cell) -> Callable[[Params, State, Array], State]:
    _common.cells(name, cell)
    if cell.step is None:
        raise ValueError(f"{name} needs a cell that can be stepped, and this one can only be unrolled.")
    return cell.step


def _init(key: Array, cell: Cell, params: Params, input_size: int, M: int) -> ByStateParams:
    if not _common.reads_state_alone(cell, params, input_size):
        raise ValueError(
            "what is weighed anew at each step is no input of the output, and that of this cell depends on its input: "
            "choose another cell."
        )
    query_key, memory_key, score_key = jax.random.split(key, 3)
    initializer = initializers.get("glorot_uniform")
    S = Flat(cell.initial_state(params, ()), batch_axes=0).size
    return ByStateParams(
        cell=params,
        query_kernel=initializer(query_key, S, M, 1),
        memory_kernel=initializer(memory_key, M, M, 1),
        score_kernel=initializer(score_key, M, 1, 1)[:, 0],
    )
