"""Recursive network: the state of a node from those of its two children.

    leaf    h = tanh(x)
    node    h = tanh(h_left W_left + h_right W_right + b)

Variant: Socher et al. 2013, "Recursive deep models for semantic compositionality over a sentiment treebank", equation
2, with its W in two blocks. tanh of the word vector is what the authors' program has at the leaves; the paper leaves
the vector as it is. H is the size of word vectors too: I = H. Inner nodes have no input of their own. y_n = h_n.
"""

from typing import NamedTuple

import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.factory import factory
from rnnx.initializers import KernelPolicy
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Tree


class RecursiveParams(NamedTuple):
    """Parameters of `recursive`."""

    left_kernel: Array  # W_left [H, H]
    right_kernel: Array  # W_right [H, H]
    bias: Array  # b [H]


class RecursiveState(NamedTuple):
    """State of `recursive`."""

    h: Array  # [..., H]


@factory
def recursive(hidden_size: int, *, recurrent_initializer: KernelPolicy = "glorot_uniform") -> Cell:
    """Recursive network over binary trees, h = tanh(h_left W_left + h_right W_right + b) (Socher et al. 2013).

    Args:
      hidden_size: H, the size of a state and of a word vector.
      recurrent_initializer: policy for W_left and W_right [H, H].

    Raises:
      ValueError: a size that is not a positive whole number; an unknown initialiser; in `init`, inputs of another size.

    >>> import jax, jax.numpy as jnp, rnnx
    >>> cell = rnnx.cells.get("recursive")(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 8)
    >>> children = jnp.array([[-1, -1], [-1, -1], [0, 1]])[:, None]  # one tree, of two words and their parent
    >>> rnnx.unroll(cell, params, jnp.ones((3, 1, 8)), children=children).final_state.h.shape
    (1, 8)
    """
    checks.size("hidden_size", hidden_size)
    recurrent_initializer = initializers.get(recurrent_initializer)

    def init(key: Array, input_size: int) -> RecursiveParams:
        checks.same_size("recursive", input_size, hidden_size)
        kernel = recurrent_initializer(key, hidden_size, hidden_size, 2)
        left, right = jnp.split(kernel, 2, axis=1)
        return RecursiveParams(left, right, jnp.zeros(hidden_size))

    def initial_state(params: RecursiveParams, batch_shape: tuple[int, ...]) -> RecursiveState:
        return RecursiveState(jnp.zeros((*batch_shape, hidden_size), params.bias.dtype))

    def compose(params: RecursiveParams, left: RecursiveState, right: RecursiveState, x: Array) -> RecursiveState:
        a = matmul_rows(left.h, params.left_kernel) + matmul_rows(right.h, params.right_kernel) + params.bias
        return RecursiveState(jnp.tanh(a))

    return Cell(
        init=init,
        initial_state=initial_state,
        step=None,
        read=lambda params, state, x: state.h,
        output_size=hidden_size,
        form=Tree(leaf=lambda params, x: RecursiveState(jnp.tanh(x)), compose=compose, word_size=hidden_size),
    )
