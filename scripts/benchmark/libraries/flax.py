"""Flax NNX. `nnx.jit` costs some 0.1 ms a call in Python, so the module is split once and `jax.jit` is used.

Its GRU resets after the product, as rnnx's does, but has no recurrent bias d. LSTM gates i, f, g, o; GRU r, z, n.
"""

from typing import Any, cast

import jax
import numpy as np
from flax import nnx

from scripts.benchmark.layers.problem import Layer, Problem
from scripts.benchmark.libraries import Network, _jax

PACKAGES = ("flax", "jax", "jaxlib", "numpy")
LAYOUT = "[T, B, I]"
FORM = {
    "rnn": "`nnx.RNN(nnx.SimpleCell, time_major=True)`, `nnx.split`, `jax.jit`",
    "lstm": "`nnx.RNN(nnx.OptimizedLSTMCell, time_major=True)`, `nnx.split`, `jax.jit`",
    "gru": "`nnx.RNN(nnx.GRUCell, time_major=True)`, `nnx.split`, `jax.jit`; has no recurrent bias",
}
REFERENCE: dict[str, dict[str, Any]] = {}
_CELLS: dict[str, Any] = {"rnn": nnx.SimpleCell, "lstm": nnx.OptimizedLSTMCell, "gru": nnx.GRUCell}


def build(problem: Problem) -> Network:
    """The problem in Flax NNX."""
    cell, H = problem.point.cell, problem.point.hidden
    biased = "dense_h" if cell == "lstm" else "dense_i"
    rngs = nnx.Rngs(0)
    layers: list[Any] = [nnx.RNN(_CELLS[cell](H, H, rngs=rngs), time_major=True) for _ in problem.layers]
    for rnn, layer in zip(layers, problem.layers, strict=True):
        rnn.cell.dense_i.kernel[...] = _jax.on_device(layer.input_kernel)
        rnn.cell.dense_h.kernel[...] = _jax.on_device(layer.recurrent_kernel)
        getattr(rnn.cell, biased).bias[...] = _jax.on_device(layer.bias)
    structure, params, rest = cast(Any, nnx.split(nnx.Sequential(*layers), nnx.Param, ...))

    def apply(params: Any, xs: jax.Array) -> jax.Array:
        return nnx.merge(structure, params, rest, copy=True)(xs)  # calling counts its keys, in place

    def read(params: Any) -> list[Layer]:
        cells = [rnn.cell for rnn in nnx.merge(structure, params, rest).layers]
        return [
            Layer(
                np.asarray(cell.dense_i.kernel[...]),
                np.asarray(cell.dense_h.kernel[...]),
                np.asarray(getattr(cell, biased).bias[...]),
            )
            for cell in cells
        ]

    return _jax.network(problem, apply, params, read)
