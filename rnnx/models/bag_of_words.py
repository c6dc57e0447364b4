"""The bag of words: the next token from the mean of all that came before, whatever their order.

    s_t = s_{t-1} + x_t     n_t = n_{t-1} + 1     y_t = tanh(s_t / n_t W + b)     output_t = y_t R + b'

What a recurrent network has to beat where order matters. x_t = E[token_t], or numbers as they are. The recurrence is
linear, and of form `Diagonal`: ∂L/∂x_t of a loss at the last step is the same for all t, and so is ∂L/∂s_t.
"""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx

from rnnx import initializers
from rnnx.factory import factory
from rnnx.models.sequence import Sequence
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Diagonal, Task


class BagOfWords(Sequence):
    """The sequence model with a cell that adds up its inputs: embedding, mean, one hidden layer, readout at every step.

    In bfloat16 no more than 256 steps are counted.

    Args:
      cell: gives its size, H, to the embedding and to the hidden layer, and is of no other account.
      task: what it is for.
      rngs: what parameters are drawn from.

    >>> import jax, rnnx
    >>> task = rnnx.tasks.get("adding")()
    >>> model = BagOfWords(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 4, 10)).shape
    (10, 4, 1)
    """

    def __init__(self, cell: Cell, task: Task, *, rngs: nnx.Rngs):
        super().__init__(bag(cell.output_size), task, rngs=rngs)


class BagParams(NamedTuple):
    """Parameters of `bag`."""

    kernel: Array  # W [I, H]
    bias: Array  # b [H]


class BagState(NamedTuple):
    """State of `bag`."""

    total: Array  # s [..., I]
    steps: Array  # n [..., 1]


@factory
def bag(hidden_size: int) -> Cell:
    """The cell that adds up its inputs, and gives a hidden layer of their mean.

    >>> import jax, rnnx
    >>> cell = bag(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> ys = rnnx.unroll(cell, params, jnp.ones((5, 3))).outputs
    >>> bool(jnp.allclose(ys[0], ys[-1]))
    True
    """
    initializer = initializers.get("glorot_uniform")

    def init(key: Array, input_size: int) -> BagParams:
        return BagParams(initializer(key, input_size, hidden_size, 1), jnp.zeros(hidden_size))

    def initial_state(params: BagParams, batch_shape: tuple[int, ...]) -> BagState:
        sizes = len(params.kernel), 1
        return BagState(*(jnp.zeros((*batch_shape, size), params.kernel.dtype) for size in sizes))

    def coefficients(params: BagParams, xs: Array) -> tuple[BagState, BagState]:
        added = BagState(total=xs, steps=jnp.ones_like(xs[..., :1]))
        return BagState(*(jnp.ones(b.shape[-1:], b.dtype) for b in added)), added

    def read(params: BagParams, state: BagState, x: Array) -> Array:
        mean = state.total / jnp.maximum(state.steps, 1)  # 0 before the first step, which may be in the padding
        return jnp.tanh(matmul_rows(mean, params.kernel) + params.bias)

    form = Diagonal(coefficients)
    return Cell(init, initial_state, form.step, read, output_size=hidden_size, form=form)
