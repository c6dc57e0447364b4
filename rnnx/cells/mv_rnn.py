"""Matrix-vector recursive network: each node has a vector, what it means, and a matrix, what it does to its neighbour.

    leaf    h = v    M = I + D                  x = [v, D], the vector of a word and, row after row, a matrix
    node    h = tanh([h_left M_right, h_right M_left] W + b)
            M = M_left P_left + M_right P_right

Variant: Socher et al. 2012, "Semantic compositionality through recursive matrix-vector spaces", with a bias; vectors
are rows, so that every matrix is the transpose of theirs. The matrix of a phrase is linear in those of its parts, and
the vector of a word stays as it is: neither has a tanh. A word has I = H + H² numbers. The paper begins its matrices
with the identity and a little noise, and so does this, since D is what a word differs by from that. Inner nodes have no
input of their own. y_n = h_n.

Defaults: W Glorot uniform for each child, b = 0, and P_left = P_right = I / 2: a phrase begins with the mean matrix.
"""

from typing import NamedTuple

import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.factory import factory
from rnnx.initializers import KernelPolicy
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Tree


class MVRNNParams(NamedTuple):
    """Parameters of `mv_rnn`."""

    left_kernel: Array  # the rows of W for the left child, [H, H]
    right_kernel: Array  # and for the right one
    bias: Array  # b [H]
    left_matrix_kernel: Array  # P_left [H, H]
    right_matrix_kernel: Array  # P_right [H, H]


class MVRNNState(NamedTuple):
    """State of `mv_rnn`."""

    h: Array  # [..., H]
    matrix: Array  # M [..., H, H]


@factory
def mv_rnn(hidden_size: int, *, recurrent_initializer: KernelPolicy = "glorot_uniform") -> Cell:
    """Matrix-vector recursive network over binary trees (Socher et al. 2012).

    Args:
      hidden_size: H; a word has H + H² numbers, a state as many.
      recurrent_initializer: policy for the two blocks of W, [H, H] each.

    Raises:
      ValueError: a size that is not a positive whole number; an unknown initialiser; in `init`, inputs of another size.

    >>> import jax, jax.numpy as jnp, rnnx
    >>> cell = rnnx.cells.get("mv_rnn")(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 8 + 8 * 8)
    >>> children = jnp.array([[-1, -1], [-1, -1], [0, 1]])[:, None]  # one tree, of two words and their parent
    >>> rnnx.unroll(cell, params, jnp.ones((3, 1, 72)), children=children).final_state.matrix.shape
    (1, 8, 8)
    """
    H = checks.size("hidden_size", hidden_size)
    recurrent_initializer = initializers.get(recurrent_initializer)

    def init(key: Array, input_size: int) -> MVRNNParams:
        checks.same_size("mv_rnn", input_size, H + H * H)
        left, right = jnp.split(recurrent_initializer(key, H, H, 2), 2, axis=1)
        return MVRNNParams(left, right, jnp.zeros(H), jnp.eye(H) / 2, jnp.eye(H) / 2)

    def initial_state(params: MVRNNParams, batch_shape: tuple[int, ...]) -> MVRNNState:
        zero, identity = (make(H, dtype=params.bias.dtype) for make in (jnp.zeros, jnp.eye))
        return MVRNNState(jnp.broadcast_to(zero, (*batch_shape, H)), jnp.broadcast_to(identity, (*batch_shape, H, H)))

    def leaf(params: MVRNNParams, x: Array) -> MVRNNState:
        v, D = x[..., :H], x[..., H:].reshape(*x.shape[:-1], H, H)
        return MVRNNState(v, jnp.eye(H, dtype=x.dtype) + D)

    def compose(params: MVRNNParams, left: MVRNNState, right: MVRNNState, x: Array) -> MVRNNState:
        a = matmul_rows(_times(left.h, right.matrix), params.left_kernel)
        a += matmul_rows(_times(right.h, left.matrix), params.right_kernel) + params.bias
        M = matmul_rows(left.matrix, params.left_matrix_kernel) + matmul_rows(right.matrix, params.right_matrix_kernel)
        return MVRNNState(jnp.tanh(a), M)

    return Cell(
        init=init,
        initial_state=initial_state,
        step=None,
        read=lambda params, state, x: state.h,
        output_size=H,
        form=Tree(leaf=leaf, compose=compose, word_size=H + H * H),
    )


def _times(h: Array, M: Array) -> Array:
    """h M, each row with a matrix of its own: [..., H] and [..., H, H] -> [..., H]."""
    return jnp.sum(h[..., None] * M, axis=-2)
