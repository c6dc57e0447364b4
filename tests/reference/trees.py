"""Cells for trees in NumPy, node by node as the papers have them: vectors are columns, and a parent calls its children.

`states(name)(params, words, children, n)` is the state of node n of one tree. All take complex numbers, so that the
complex step gives derivatives to the last digit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.reference import sigmoid

Node = tuple[np.ndarray, np.ndarray | None]  # what is read, h, and what else there is


def tree(name: str, params: Any, words: np.ndarray, children: np.ndarray) -> np.ndarray:
    """h of every node of one tree, `[N, H]`, in a recursion from its last."""
    leaf, compose = _CELLS[name]
    found: dict[int, Node] = {}

    def of_node(n: int) -> Node:
        left, right = children[n]
        if left < 0 and right < 0:
            found[n] = leaf(params, words[n])
        else:
            found[n] = compose(params, *(absent(name, params) if c < 0 else of_node(c) for c in (left, right)))
        return found[n]

    of_node(len(children) - 1)
    return np.stack([found[n][0] for n in range(len(children))])


def absent(name: str, params: Any) -> Node:
    """The child that is not there."""
    H = len(params.bias) // (5 if name == "tree_lstm" else 1)
    return np.zeros(H), np.eye(H) if name == "mv_rnn" else np.zeros(H)


def _recursive(params: Any, b: Node, c: Node) -> Node:
    W = np.concatenate([params.left_kernel, params.right_kernel]).T  # [H, 2H]
    return np.tanh(W @ np.concatenate([b[0], c[0]]) + params.bias), None


def _rntn(params: Any, b: Node, c: Node) -> Node:
    a = np.concatenate([b[0], c[0]])
    tensor = np.array([a @ params.tensor[:, :, k] @ a for k in range(len(params.bias))])
    return np.tanh(tensor + params.kernel.T @ a + params.bias), None


def _mv_word(params: Any, x: np.ndarray) -> Node:
    H = len(params.bias)
    return x[:H], np.eye(H) + x[H:].reshape(H, H).T


def _mv_rnn(params: Any, left: Node, right: Node) -> Node:
    (a, A), (b, B) = left, right
    W = np.concatenate([params.left_kernel, params.right_kernel]).T
    W_M = np.concatenate([params.left_matrix_kernel, params.right_matrix_kernel]).T
    return np.tanh(W @ np.concatenate([B @ a, A @ b]) + params.bias), W_M @ np.concatenate([A, B])


def _lstm_word(params: Any, x: np.ndarray) -> Node:
    W_c, W_o = np.split(params.input_kernel.T, 2)
    b_c, b_o = np.split(params.input_bias, 2)
    c = W_c @ x + b_c
    return sigmoid(W_o @ x + b_o) * np.tanh(c), c


def _tree_lstm(params: Any, left: Node, right: Node) -> Node:
    rows = zip(
        *(np.split(m.T, 5) for m in (params.left_kernel, params.right_kernel)), np.split(params.bias, 5), strict=True
    )
    i, l, r, g, o = (U @ left[0] + V @ right[0] + b for U, V, b in rows)
    c = sigmoid(i) * np.tanh(g) + sigmoid(l) * left[1] + sigmoid(r) * right[1]
    return sigmoid(o) * np.tanh(c), c


def _tanh_word(params: Any, x: np.ndarray) -> Node:
    return np.tanh(x), None


_CELLS: dict[str, tuple[Callable[..., Node], Callable[..., Node]]] = {
    "recursive": (_tanh_word, _recursive),
    "rntn": (_tanh_word, _rntn),
    "mv_rnn": (_mv_word, _mv_rnn),
    "tree_lstm": (_lstm_word, _tree_lstm),
}
