"""Trees in PyTorch, level by level, as they are usually run: `python -m scripts.benchmark.trees_torch PROBLEM ANSWER`.

All nodes of one height over the whole batch are one call of the cell: their children's states are gathered from those
of all nodes, which stand in the order of their heights. That order is found beforehand, and is not timed. Eager, on all
cores.

The problem and the answer are files of `numpy.savez`. Prints a line once the gradients of the first batch are written,
and for each line that it is given the seconds in which all batches were taken once.
"""

import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from scripts.benchmark import machine

Params = dict[str, Tensor]
State = tuple[Tensor, ...]  # h, and what else the cell hands on, each [nodes, …]


class Batch:
    """A batch of trees, its nodes in the order of their heights."""

    def __init__(self, children: np.ndarray, lengths: np.ndarray) -> None:
        """Of `[N, B, 2]` and `[B]`."""
        N, B = children.shape[:2]
        height = np.zeros((N, B), int)
        own = np.arange(N)[:, None] < lengths
        for n in range(N):  # children come first
            below = np.where(children[n] >= 0, height[np.maximum(children[n], 0), np.arange(B)[:, None]] + 1, 0)
            height[n] = below.max(axis=-1)
        self.order = np.flatnonzero(own.ravel())[np.argsort(height[own], kind="stable")]
        place = np.full(N * B, -1)
        place[self.order] = np.arange(len(self.order))
        flat = (children * B + np.arange(B)[:, None]).reshape(-1, 2)[self.order]
        heights = height.ravel()[self.order]
        self.nodes = torch.from_numpy(self.order)
        self.leaves = int((heights == 0).sum())
        self.levels = [torch.from_numpy(place[flat[heights == h]].T.copy()) for h in range(1, heights.max() + 1)]


def recursive(params: Params, left: State, right: State) -> State:
    """h = tanh(h_left W_left + h_right W_right + b)."""
    return (torch.tanh(left[0] @ params["left_kernel"] + right[0] @ params["right_kernel"] + params["bias"]),)


def rntn(params: Params, left: State, right: State) -> State:
    """h_k = tanh(aᵀ V_k a + (a W)_k + b_k)."""
    a = torch.cat([left[0], right[0]], -1)
    tensor = params["tensor"]
    Va = (a @ tensor.reshape(len(tensor), -1)).reshape(len(a), *tensor.shape[1:])
    return (torch.tanh((a[..., None] * Va).sum(-2) + a @ params["kernel"] + params["bias"]),)


def mv_rnn(params: Params, left: State, right: State) -> State:
    """h = tanh([h_left M_right, h_right M_left] W + b), M = M_left P_left + M_right P_right."""
    one, other = torch.einsum("nh,nhk->nk", left[0], right[1]), torch.einsum("nh,nhk->nk", right[0], left[1])
    h = torch.tanh(one @ params["left_kernel"] + other @ params["right_kernel"] + params["bias"])
    return h, left[1] @ params["left_matrix_kernel"] + right[1] @ params["right_matrix_kernel"]


def tree_lstm(params: Params, left: State, right: State) -> State:
    """c = i ⊙ g + f_l ⊙ c_left + f_r ⊙ c_right, h = o ⊙ tanh(c)."""
    a = left[0] @ params["left_kernel"] + right[0] @ params["right_kernel"] + params["bias"]
    i, f_l, f_r, g, o = a.chunk(5, -1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f_l) * left[1] + torch.sigmoid(f_r) * right[1]
    return torch.sigmoid(o) * torch.tanh(c), c


def tanh_leaf(params: Params, x: Tensor) -> State:
    """h = tanh(x)."""
    return (torch.tanh(x),)


def matrix_leaf(params: Params, x: Tensor) -> State:
    """h and M = I + D of x = [h, D]."""
    H = len(params["bias"])
    return x[:, :H], torch.eye(H) + x[:, H:].reshape(-1, H, H)


def gated_leaf(params: Params, x: Tensor) -> State:
    """h = o ⊙ tanh(c)."""
    c, o = (x @ params["input_kernel"] + params["input_bias"]).chunk(2, -1)
    return torch.sigmoid(o) * torch.tanh(c), c


CELLS = {
    "recursive": (tanh_leaf, recursive),
    "mv_rnn": (matrix_leaf, mv_rnn),
    "rntn": (tanh_leaf, rntn),
    "tree_lstm": (gated_leaf, tree_lstm),
}


def states(name: str, params: Params, words: Tensor, batch: Batch) -> State:
    """Of all nodes, in their order."""
    leaf, compose = CELLS[name]
    found = leaf(params, words[: batch.leaves])
    for children in batch.levels:
        left, right = (tuple(s.index_select(0, of) for s in found) for of in children)
        found = tuple(torch.cat(both) for both in zip(found, compose(params, left, right), strict=True))
    return found


def gradient(name: str, params: Params, xs: Tensor, batch: Batch) -> tuple[Tensor, ...]:
    """Of Σ h² over all nodes, by the parameters and by all words `[N · B, I]`."""
    loss = (states(name, params, xs.index_select(0, batch.nodes), batch)[0] ** 2).sum()
    return torch.autograd.grad(loss, [*params.values(), xs], allow_unused=True)


def main(problem: str, answer: str) -> None:
    """Answer, and then time whenever a line comes."""
    torch.set_num_threads(machine.cores())
    with np.load(problem) as given:
        arrays: Mapping[str, np.ndarray] = dict(given)
    name = str(arrays["cell"])
    params = {
        key.removeprefix("params/"): torch.from_numpy(array).requires_grad_()
        for key, array in arrays.items()
        if key.startswith("params/")
    }
    xs = torch.from_numpy(arrays["xs"].reshape(-1, arrays["xs"].shape[-1])).requires_grad_()
    batches = [Batch(*forest) for forest in zip(arrays["children"], arrays["lengths"], strict=True)]
    *of_params, of_words = gradient(name, params, xs, batches[0])
    found = {f"params/{key}": of for key, of in zip(params, of_params, strict=True) if of is not None}
    np.savez(answer, xs=of_words.numpy().reshape(arrays["xs"].shape), **{key: of.numpy() for key, of in found.items()})
    print("ready", flush=True)
    for _ in sys.stdin:
        print(_seconds(lambda: [gradient(name, params, xs, batch) for batch in batches]), flush=True)


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
