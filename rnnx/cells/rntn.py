"""Recursive neural tensor network: two children meet in a product, not only in a sum.

    leaf    h = tanh(x)
    node    h_k = tanh(aᵀ V_k a + (a W)_k + b_k)        a = [h_left, h_right]

Variant: Socher et al. 2013, "Recursive deep models for semantic compositionality over a sentiment treebank", equation
4, with the bias that their W has by a further row. tanh of the word vector is what the authors' program has at the
leaves; the paper leaves the vector as it is. H is the size of word vectors too: I = H. Inner nodes have no input of
their own. y_n = h_n.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.cells.recursive import RecursiveState
from rnnx.factory import factory
from rnnx.initializers import KernelPolicy
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Tree


class RNTNParams(NamedTuple):
    """Parameters of `rntn`."""

    tensor: Array  # V [2H, 2H, H]
    kernel: Array  # W [2H, H]
    bias: Array  # b [H]


@factory
def rntn(hidden_size: int, *, recurrent_initializer: KernelPolicy = "glorot_uniform") -> Cell:
    """Recursive neural tensor network over binary trees, h_k = tanh(aᵀ V_k a + (a W + b)_k) (Socher et al. 2013).

    Args:
      hidden_size: H, the size of a state and of a word vector; the tensor has 4 H³ numbers.
      recurrent_initializer: policy for the two blocks of W, [H, H] each; the authors' program begins with half the
        identity and noise, as `identity(0.5)` does without noise. V starts uniform within ±1 / (4H), as theirs.

    Raises:
      ValueError: a size that is not a positive whole number; an unknown initialiser; in `init`, inputs of another size.

    >>> import jax, jax.numpy as jnp, rnnx
    >>> cell = rnnx.cells.get("rntn")(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 8)
    >>> children = jnp.array([[-1, -1], [-1, -1], [0, 1]])[:, None]  # one tree, of two words and their parent
    >>> rnnx.unroll(cell, params, jnp.ones((3, 1, 8)), children=children).final_state.h.shape
    (1, 8)
    """
    checks.size("hidden_size", hidden_size)
    recurrent_initializer = initializers.get(recurrent_initializer)
    H = hidden_size

    def init(key: Array, input_size: int) -> RNTNParams:
        checks.same_size("rntn", input_size, hidden_size)
        tensor_key, kernel_key = jax.random.split(key)
        bound = 1 / (4 * H)
        return RNTNParams(
            tensor=jax.random.uniform(tensor_key, (2 * H, 2 * H, H), minval=-bound, maxval=bound),
            kernel=jnp.concatenate(jnp.split(recurrent_initializer(kernel_key, H, H, 2), 2, axis=1)),
            bias=jnp.zeros(H),
        )

    def initial_state(params: RNTNParams, batch_shape: tuple[int, ...]) -> RecursiveState:
        return RecursiveState(jnp.zeros((*batch_shape, H), params.bias.dtype))

    def compose(params: RNTNParams, left: RecursiveState, right: RecursiveState, x: Array) -> RecursiveState:
        a = jnp.concatenate([left.h, right.h], axis=-1)
        Va = matmul_rows(a, params.tensor.reshape(2 * H, 2 * H * H)).reshape(*a.shape, H)
        return RecursiveState(
            jnp.tanh(jnp.sum(a[..., None] * Va, axis=-2) + matmul_rows(a, params.kernel) + params.bias)
        )

    return Cell(
        init=init,
        initial_state=initial_state,
        step=None,
        read=lambda params, state, x: state.h,
        output_size=H,
        form=Tree(leaf=lambda params, x: RecursiveState(jnp.tanh(x)), compose=compose, word_size=H),
    )
