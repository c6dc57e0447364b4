"""Tree-LSTM: an LSTM whose memory comes from two children, each with a forget gate of its own.

    leaf    c = x W_c + b_c     o = σ(x W_o + b_o)      h = o ⊙ tanh(c)
    node    i   = σ(h_left U_i + h_right V_i + b_i)
            f_l = σ(h_left U_l + h_right V_l + b_l)     how much of the left memory is kept, by both children
            f_r = σ(h_left U_r + h_right V_r + b_r)     how much of the right one
            g   = tanh(h_left U_g + h_right V_g + b_g)
            o   = σ(h_left U_o + h_right V_o + b_o)
            c   = i ⊙ g + f_l ⊙ c_left + f_r ⊙ c_right
            h   = o ⊙ tanh(c)                           y_n = h_n

Variant: the binary one of Tai, Socher & Manning 2015, "Improved semantic representations from tree-structured long
short-term memory networks", with the leaves that their program has, of which the word vector is read by W and has no
tanh. Inner nodes have no input of their own. Blocks in the order i, l, r, g, o; at leaves c, o. I is any size.

Defaults: W Glorot uniform, U and V orthogonal per gate, biases 0 except b_l = b_r = 1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks, initializers
from rnnx.factory import factory
from rnnx.initializers import InitialValue, KernelPolicy
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Tree


class TreeLSTMParams(NamedTuple):
    """Parameters of `tree_lstm`; blocks in the order i, l, r, g, o, of leaves c, o."""

    input_kernel: Array  # W [I, 2H]
    input_bias: Array  # [2H]
    left_kernel: Array  # U [H, 5H]
    right_kernel: Array  # V [H, 5H]
    bias: Array  # b [5H]


class TreeLSTMState(NamedTuple):
    """State of `tree_lstm`."""

    h: Array  # [..., H]
    c: Array  # [..., H]


@factory
def tree_lstm(
    hidden_size: int,
    *,
    forget_bias: InitialValue = 1.0,
    input_initializer: KernelPolicy = "glorot_uniform",
    recurrent_initializer: KernelPolicy = "orthogonal",
) -> Cell:
    """Binary Tree-LSTM, c = i ⊙ g + f_l ⊙ c_left + f_r ⊙ c_right, h = o ⊙ tanh(c) (Tai, Socher & Manning 2015).

    Args:
      hidden_size: H.
      forget_bias: initial b_l and b_r. With all else zero the gradient along c decays by σ(b) from parent to child.
      input_initializer: policy for W [I, 2H].
      recurrent_initializer: policy for U and V, [H, 5H] each.

    Raises:
      ValueError: a size that is not a positive whole number; a bias that is not finite; an unknown initialiser.

    >>> import jax, jax.numpy as jnp, rnnx
    >>> cell = rnnx.cells.get("tree_lstm")(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> children = jnp.array([[-1, -1], [-1, -1], [0, 1]])[:, None]  # one tree, of two words and their parent
    >>> rnnx.unroll(cell, params, jnp.ones((3, 1, 3)), children=children).final_state.c.shape
    (1, 8)
    """
    H = checks.size("hidden_size", hidden_size)
    forget_bias = checks.number("forget_bias", forget_bias)
    input_initializer = initializers.get(input_initializer)
    recurrent_initializer = initializers.get(recurrent_initializer)

    def init(key: Array, input_size: int) -> TreeLSTMParams:
        input_size = checks.size("input_size", input_size)
        input_key, left_key, right_key = jax.random.split(key, 3)
        return TreeLSTMParams(
            input_kernel=input_initializer(input_key, input_size, H, 2),
            input_bias=jnp.zeros(2 * H),
            left_kernel=recurrent_initializer(left_key, H, H, 5),
            right_kernel=recurrent_initializer(right_key, H, H, 5),
            bias=jnp.zeros((5, H)).at[1:3].set(forget_bias).reshape(-1),
        )

    def initial_state(params: TreeLSTMParams, batch_shape: tuple[int, ...]) -> TreeLSTMState:
        zero = jnp.zeros((*batch_shape, H), params.bias.dtype)
        return TreeLSTMState(h=zero, c=zero)

    def leaf(params: TreeLSTMParams, x: Array) -> TreeLSTMState:
        c, o = jnp.split(matmul_rows(x, params.input_kernel) + params.input_bias, 2, axis=-1)
        return TreeLSTMState(h=jax.nn.sigmoid(o) * jnp.tanh(c), c=c)

    def compose(params: TreeLSTMParams, left: TreeLSTMState, right: TreeLSTMState, x: Array) -> TreeLSTMState:
        a = matmul_rows(left.h, params.left_kernel) + matmul_rows(right.h, params.right_kernel) + params.bias
        i, f_l, f_r, g, o = jnp.split(a, 5, axis=-1)
        c = jax.nn.sigmoid(i) * jnp.tanh(g) + jax.nn.sigmoid(f_l) * left.c + jax.nn.sigmoid(f_r) * right.c
        return TreeLSTMState(h=jax.nn.sigmoid(o) * jnp.tanh(c), c=c)

    return Cell(
        init=init,
        initial_state=initial_state,
        step=None,
        read=lambda params, state, x: state.h,
        output_size=H,
        form=Tree(leaf=leaf, compose=compose),
    )
